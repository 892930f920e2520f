"""The table in which workers show that they live, and what they have done."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from reelwork.db.engine import Base
from reelwork.db.types import UtcDateTime, database_now


class WorkerSeen(Base):
    """One run of a worker's process.

    Attributes:
        name: Host and process id.
        seen_at: When it last wrote here.
        stopped_at: When it ended in an orderly way.
        counters: What it has done since it began; see ``/metrics``.
    """

    __tablename__ = "worker"
    __table_args__ = (Index("ix_worker_seen", "seen_at"),)

    worker_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    counters: Mapped[dict[str, Any]] = mapped_column(JSON)
