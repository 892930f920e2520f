"""The tables of uploads in several requests and of idempotency keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from reelwork.db.engine import Base
from reelwork.db.types import UtcDateTime, database_now


class PartialUpload(Base):
    """A video that arrives in several requests.

    Attributes:
        owner: Id of the API key it was begun with; null without keys.
        options: The options of the submit as they were given, ``[[name, value], ...]``.
        received_bytes: How much of it is durable; the next request begins there.
        total_bytes: How long it will be, if the client said so.
        job_id: The job that was made of it; null as long as it is not whole.
        lease_token: Held by the request that appends now, until ``lease_expires_at``.
        expires_at: When it is given up unless more of it comes.
    """

    __tablename__ = "partial_upload"
    __table_args__ = (
        CheckConstraint("received_bytes >= 0", name="ck_partial_upload_received"),
        CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="ck_partial_upload_lease"),
        Index("ix_partial_upload_expires", "expires_at"),
        Index("ix_partial_upload_job", "job_id"),
    )

    upload_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(32))
    options: Mapped[list[Any]] = mapped_column(JSON)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    total_bytes: Mapped[int | None] = mapped_column(BigInteger)
    job_id: Mapped[UUID | None] = mapped_column(Uuid)
    lease_token: Mapped[UUID | None] = mapped_column(Uuid)
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UploadPart(Base):
    """A piece of a partial upload that counts: a stored file of no such row was left by somebody who lost the lease.

    Attributes:
        begins_at: Offset of its first byte.
        written_by: The lease token of the request that stored it; the file is named by it.
    """

    __tablename__ = "upload_part"

    upload_id: Mapped[UUID] = mapped_column(ForeignKey(PartialUpload.upload_id, ondelete="CASCADE"), primary_key=True)
    begins_at: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    written_by: Mapped[UUID] = mapped_column(Uuid)


class IdempotencyKey(Base):
    """A submit that may be sent again, and the answer to it.

    Attributes:
        owner: Id of the API key it was sent with; empty without keys.
        key: What the client calls the request.
        fingerprint: Hex SHA-256 of what was sent: file and options; null while it still arrives.
        job_id: The job that was made of it; null while it still arrives.
        lease_token: Held by the request that arrives now; of an upload in several requests, its id.
        expires_at: Until when the answer is kept; while it arrives, until when it is believed to do so.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (
        CheckConstraint("(fingerprint IS NULL) = (job_id IS NULL)", name="ck_idempotency_key_answer"),
        CheckConstraint("(job_id IS NULL) = (lease_token IS NOT NULL)", name="ck_idempotency_key_lease"),
        Index("ix_idempotency_key_expires", "expires_at"),
    )

    owner: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    job_id: Mapped[UUID | None] = mapped_column(Uuid)
    lease_token: Mapped[UUID | None] = mapped_column(Uuid)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
