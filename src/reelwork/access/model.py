"""The table of API keys."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from reelwork.db.engine import Base
from reelwork.db.types import UtcDateTime, database_now


class ApiKey(Base):
    """One key. The secret itself is shown once, when the key is made, and kept nowhere.

    Attributes:
        key_id: The part of the key that is no secret; jobs name their owner by it.
        secret_sha256: Hex digest of the secret part, which is random and long: nothing slower is needed.
        name: What people call it.
        scopes: Of ``read``, ``submit`` and ``admin``, separated by spaces.
        max_queued_jobs: How many pending and running jobs it may have at once; null: any number.
        max_queued_bytes: How many bytes their videos may have together; null: any number.
        revoked_at: Since when it is good for nothing.
    """

    __tablename__ = "api_key"

    key_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text)
    max_queued_jobs: Mapped[int | None]
    max_queued_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
