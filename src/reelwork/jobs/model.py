"""The job table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, CheckConstraint, Enum, Float, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from reelwork.db.engine import Base
from reelwork.db.types import UtcDateTime, database_now
from reelwork.jobs.lifecycle import JobStatus

# Queries that want a partial index name its condition in these very words: no planner looks into a parameter for it.
PENDING = text("status = 'pending'")
RUNNING = text("status = 'running'")
FINISHED = text("status IN ('completed', 'failed')")
QUEUED_BY_A_KEY = text("owner IS NOT NULL AND status IN ('pending', 'running')")
HAS_EXTERNAL_ID, HAS_OWNER = text("external_id IS NOT NULL"), text("owner IS NOT NULL")
EXPIRES, HAS_WEBHOOK_DUE = text("expires_at IS NOT NULL"), text("webhook_due_at IS NOT NULL")
_LISTED = ("created_at", "job_id")
_STATUSES = ", ".join(f"'{status}'" for status in JobStatus)


class Job(Base):
    """One accepted video and what has become of it. The row is the truth about the job.

    Attributes:
        input_path: Storage key of the MP4.
        output_path: Storage key of the results; set when, and only when, the job is completed.
        error_message: Why it failed, for a person; set when, and only when, it failed.
        pipeline: Name of the pipeline asked for.
        pipeline_definition: The pipeline as it stood at submit, every setting resolved.
        options: The sampling that was asked for beside it: ``frame_stride``, ``max_frames`` and the like.
        source: What is known of the MP4: ``sha256``, ``bytes`` and the facts of its video track.
        report: What the analysis says of itself: ``warnings``, and ``provenance``; set when it is completed.
        owner: Id of the API key it was submitted with; null without keys.
        external_id: What the client calls it.
        input_bytes: Size of the MP4.
        retention_s: How long the job is kept once it is over, if the client said so; ``expires_at`` follows from it.
        started_at: When the latest attempt began.
        webhook_url: Where to tell that the job is over; from then on ``webhook_due_at`` says when to try (null: no
            more), and ``webhook_attempts`` how often that was done.
        attempt: How many claims were made and not handed back.
        lost_attempts: Why attempts were lost, one line each.
        not_before: Until when the job rests after a lost attempt, or since when it waits again after a worker
            handed it back or a person had it retried; null before its first attempt.
        lease_token: Proof of the current claim; every write of a worker carries it.
        lease_expires_at: When the claim ends unless it is renewed, on the database's clock.
        worker: Who holds the claim, for a person who looks.
    """

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(f"status IN ({_STATUSES})", name="ck_job_status"),
        CheckConstraint("(status = 'completed') = (output_path IS NOT NULL)", name="ck_job_output_when_completed"),
        CheckConstraint("(status = 'failed') = (error_message IS NOT NULL)", name="ck_job_error_when_failed"),
        CheckConstraint("(status = 'running') = (lease_token IS NOT NULL)", name="ck_job_lease_when_running"),
        CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="ck_job_lease_expires"),
        CheckConstraint("attempt >= 0", name="ck_job_attempt"),
        # Partial, so that they stay as small as the work in hand however many jobs are over.
        Index("ix_job_pending", *_LISTED, sqlite_where=PENDING, postgresql_where=PENDING),
        Index("ix_job_running", "lease_expires_at", sqlite_where=RUNNING, postgresql_where=RUNNING),
        Index("ix_job_finished", "updated_at", sqlite_where=FINISHED, postgresql_where=FINISHED),
        Index("ix_job_queued", "owner", "input_bytes", sqlite_where=QUEUED_BY_A_KEY, postgresql_where=QUEUED_BY_A_KEY),
        Index("ix_job_expires", "expires_at", sqlite_where=EXPIRES, postgresql_where=EXPIRES),
        Index("ix_job_webhook", "webhook_due_at", sqlite_where=HAS_WEBHOOK_DUE, postgresql_where=HAS_WEBHOOK_DUE),
        # Each ends in what jobs are listed by: a page costs the same wherever it is.
        Index("ix_job_created", *_LISTED),
        Index("ix_job_ended", "status", *_LISTED, sqlite_where=FINISHED, postgresql_where=FINISHED),
        Index("ix_job_pipeline", "pipeline", *_LISTED),
        Index(
            "ix_job_external_id",
            "external_id",
            *_LISTED,
            sqlite_where=HAS_EXTERNAL_ID,
            postgresql_where=HAS_EXTERNAL_ID,
        ),
        Index("ix_job_owner", "owner", *_LISTED, sqlite_where=HAS_OWNER, postgresql_where=HAS_OWNER),
    )

    job_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    status: Mapped[JobStatus] = mapped_column(
        Enum(JobStatus, native_enum=False, length=16, values_callable=lambda statuses: [s.value for s in statuses]),
        default=JobStatus.PENDING,
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
    input_path: Mapped[str] = mapped_column(Text)
    output_path: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    pipeline: Mapped[str] = mapped_column(String(64))
    pipeline_definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    source: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    owner: Mapped[str | None] = mapped_column(String(32))
    external_id: Mapped[str | None] = mapped_column(Text)
    input_bytes: Mapped[int | None] = mapped_column(BigInteger)
    retention_s: Mapped[float | None] = mapped_column(Float)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    webhook_url: Mapped[str | None] = mapped_column(Text)
    webhook_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    webhook_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    attempt: Mapped[int] = mapped_column(default=0)
    lost_attempts: Mapped[str | None] = mapped_column(Text)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_token: Mapped[UUID | None] = mapped_column(Uuid)
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(Text)


class JobTag(Base):
    """One of the words by which a client finds its jobs again; ``created_at`` is the job's."""

    __tablename__ = "job_tag"
    __table_args__ = (Index("ix_job_tag", "tag", *_LISTED),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.job_id, ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_now())
