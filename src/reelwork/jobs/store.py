"""Every statement on the job table.

Each change of status is one guarded UPDATE: it names the status it moves from, so that of two writers
only one succeeds, and after a claim it carries the lease token, so that a worker that lost its lease
changes nothing. Nothing is read first and written later.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, ColumnExpressionArgument, Update, delete, event, func, or_, select, update
from sqlalchemy.orm import Session

from reelwork import faults
from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.attempts import WORKER_LOST, AttemptPolicy, told
from reelwork.jobs.lifecycle import TRANSITIONS, JobStatus
from reelwork.jobs.model import FINISHED, PENDING, RUNNING, Job
from reelwork.queues.service import QueueService, TransactionalQueue

log = logging.getLogger(__name__)

_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None, "worker": None}
_FILES = (Job.job_id, Job.input_path, Job.output_path)
_HAS_RESTED = or_(Job.not_before.is_(None), Job.not_before <= database_now())


@dataclass(frozen=True)
class Lease:
    """A claim on a running job: what a worker shows to be allowed to write."""

    job_id: UUID
    token: UUID
    attempt: int


@dataclass(frozen=True)
class Claim:
    """A lease, and the work it is for."""

    lease: Lease
    input_path: str
    pipeline_definition: dict[str, Any]
    options: dict[str, Any]


@dataclass(frozen=True)
class StoredFiles:
    """Where the files of a deleted job are."""

    job_id: UUID
    input_path: str
    output_path: str | None


class JobStore:
    """The job table.

    A job that can be claimed at once is hinted at in the queue, in the same transaction if that can be.
    """

    def __init__(self, database: Database, queue: QueueService, policy: AttemptPolicy | None = None) -> None:
        self._database = database
        self._queue = queue
        self._policy = policy or AttemptPolicy()

    def add(self, job: Job) -> None:
        """Insert a pending job; durable when this returns."""
        with self._database.writing() as session:
            session.add(job)
            session.flush()
            self._hint(session, [job.job_id])
            faults.point("submit.inserted")

    def get(self, job_id: UUID) -> Job | None:
        """Return the job as it is now, detached, or None."""
        with self._database.reading() as session:
            return session.get(Job, job_id)

    def get_many(self, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
        """Return those of the jobs that exist, detached."""
        with self._database.reading() as session:
            return {job.job_id: job for job in session.scalars(select(Job).where(Job.job_id.in_(job_ids)))}

    def claim(self, job_id: UUID, worker: str, lease_s: float) -> Claim | None:
        """Take a pending job for ``lease_s`` seconds; None when it is not there to be taken, or rests."""
        return self._claim(Job.job_id == job_id, worker, lease_s)

    def claim_next(self, worker: str, lease_s: float) -> Claim | None:
        """Take the job that has waited longest, whatever the queue says; None when nothing waits."""
        waiting = select(Job.job_id).where(PENDING, _HAS_RESTED).order_by(Job.created_at)
        with self._database.reading() as session:
            # An idle worker only reads: a write would wait its turn for nothing.
            if session.scalar(waiting.limit(1)) is None:
                return None
        # SKIP LOCKED (ignored by SQLite, which has one writer): workers that look at once take different jobs.
        oldest = waiting.limit(1).with_for_update(skip_locked=True).scalar_subquery()
        return self._claim(Job.job_id == oldest, worker, lease_s)

    def _claim(self, which: ColumnElement[bool], worker: str, lease_s: float) -> Claim | None:
        token = uuid4()
        statement = _move(JobStatus.PENDING, JobStatus.RUNNING).where(which, _HAS_RESTED)
        statement = statement.values(
            attempt=Job.attempt + 1, lease_token=token, lease_expires_at=database_now(lease_s), worker=worker
        )
        with self._database.writing() as session:
            job = session.scalar(statement.returning(Job))
            if job is None:
                return None
            return Claim(Lease(job.job_id, token, job.attempt), job.input_path, job.pipeline_definition, job.options)

    def renew(self, lease: Lease, lease_s: float) -> bool:
        """Extend a lease; False when it was lost."""
        statement = update(Job).where(*_fence(lease)).values(lease_expires_at=database_now(lease_s))
        return self._changes_one(statement.execution_options(synchronize_session=False))

    def complete(self, lease: Lease, output_path: str) -> bool:
        """Make stored results visible and the job completed; False when the lease was lost."""
        statement = _move(JobStatus.RUNNING, JobStatus.COMPLETED).where(*_fence(lease))
        return self._changes_one(statement.values(output_path=output_path, **_NO_LEASE))

    def fail(self, lease: Lease, error_message: str) -> bool:
        """End the job as failed; False when the lease was lost."""
        statement = _move(JobStatus.RUNNING, JobStatus.FAILED).where(*_fence(lease))
        return self._changes_one(statement.values(error_message=_storable(error_message), **_NO_LEASE))

    def release(self, lease: Lease) -> bool:
        """Hand the job back unharmed: the attempt is not counted; False when the lease was lost."""
        statement = _move(JobStatus.RUNNING, JobStatus.PENDING).where(*_fence(lease))
        statement = statement.values(attempt=Job.attempt - 1, **_NO_LEASE)
        with self._database.writing() as session:
            released = session.scalars(statement.returning(Job.job_id)).all()
            self._hint(session, released)
        return bool(released)

    def lose_attempt(self, lease: Lease, cause: str) -> JobStatus | None:
        """Write an attempt off: the job rests and is run again, or fails when none is left.

        Returns:
            The status the job is in now; None when the lease was lost.
        """
        with self._database.writing() as session:
            released, failed = self._lose_attempts(session, _fence(lease), _one_line(cause))
        if not (released or failed):
            return None
        return JobStatus.FAILED if failed else JobStatus.PENDING

    def expire_leases(self) -> tuple[Sequence[UUID], Sequence[UUID]]:
        """Take running jobs from workers that stopped renewing; return those handed back and those failed."""
        expired = (RUNNING, Job.lease_expires_at < database_now())
        with self._database.reading() as session:
            # Workers ask often, and mostly for nothing: a write would wait its turn.
            if session.scalar(select(Job.job_id).where(*expired).limit(1)) is None:
                return [], []
        with self._database.writing() as session:
            return self._lose_attempts(session, expired, WORKER_LOST)

    def retry(self, job_id: UUID) -> bool:
        """Let a failed job be run again, with all its attempts; False when there is no such failed job."""
        statement = _move(JobStatus.FAILED, JobStatus.PENDING).where(Job.job_id == job_id)
        statement = statement.values(attempt=0, error_message=None, lost_attempts=None, not_before=None)
        with self._database.writing() as session:
            retried = session.scalars(statement.returning(Job.job_id)).all()
            self._hint(session, retried)
        return bool(retried)

    def delete(self, job_id: UUID) -> StoredFiles | None:
        """Remove a job in whatever status, and say which files are its; None when there is no such job.

        A worker that runs it finds its lease lost.
        """
        statement = delete(Job).where(Job.job_id == job_id).returning(*_FILES)
        with self._database.writing() as session:
            row = session.execute(statement).one_or_none()
        return StoredFiles(*row) if row else None

    def delete_finished(self, older_than_s: float, most: int) -> list[StoredFiles]:
        """Remove jobs that ended longer ago than that, the oldest ones first, ``most`` of them at once."""
        # A subquery, because PostgreSQL compares an index with a clock only if it is read once.
        ended = (FINISHED, Job.updated_at < select(database_now(-older_than_s)).scalar_subquery())
        oldest = select(Job.job_id).where(*ended).order_by(Job.updated_at).limit(most)
        # Guarded again: one of them may be retried at this moment.
        statement = delete(Job).where(Job.job_id.in_(oldest), *ended).returning(*_FILES)
        with self._database.writing() as session:
            return [StoredFiles(*row) for row in session.execute(statement)]

    def _lose_attempts(
        self, session: Session, which: tuple[ColumnExpressionArgument[bool], ...], cause: str
    ) -> tuple[list[UUID], list[UUID]]:
        """Note the cause on the jobs, which locks them, then hand back or fail each."""
        lost = func.coalesce(Job.lost_attempts + "\n", "") + cause
        noting = update(Job).where(*which).values(lost_attempts=lost).execution_options(synchronize_session=False)
        released: list[UUID] = []
        failed: list[UUID] = []
        for job_id, attempt, causes in session.execute(
            noting.returning(Job.job_id, Job.attempt, Job.lost_attempts)
        ).all():
            if attempt < self._policy.most:
                moving = _move(JobStatus.RUNNING, JobStatus.PENDING)
                moving = moving.values(not_before=database_now(self._policy.rest_after(attempt)), **_NO_LEASE)
                released.append(job_id)
            else:
                moving = _move(JobStatus.RUNNING, JobStatus.FAILED)
                moving = moving.values(error_message=told((causes or cause).splitlines()), **_NO_LEASE)
                failed.append(job_id)
            session.execute(moving.where(Job.job_id == job_id))
        return released, failed

    def _changes_one(self, statement: Update) -> bool:
        with self._database.writing() as session:
            return session.scalar(statement.returning(Job.job_id)) is not None

    def _hint(self, session: Session, job_ids: Sequence[UUID]) -> None:
        if isinstance(self._queue, TransactionalQueue):
            for job_id in job_ids:
                self._queue.enqueue_within(session, job_id)
        elif job_ids:
            # Before the commit a fast worker would look for a job that is not there yet.
            event.listen(session, "after_commit", lambda _: self._ring(job_ids), once=True)

    def _ring(self, job_ids: Sequence[UUID]) -> None:
        try:
            for job_id in job_ids:
                self._queue.enqueue(job_id)
        except ServiceUnavailable:
            # The jobs are safe in their table, where workers look from time to time.
            log.warning("queue.unavailable", extra={"jobs": len(job_ids)}, exc_info=True)


def _move(source: JobStatus, target: JobStatus) -> Update:
    assert (source, target) in TRANSITIONS
    statement = update(Job).where(Job.status == source).values(status=target, updated_at=database_now())
    return statement.execution_options(synchronize_session=False)


def _fence(lease: Lease) -> tuple[Any, ...]:
    return (Job.job_id == lease.job_id, Job.lease_token == lease.token, Job.status == JobStatus.RUNNING)


def _storable(message: str) -> str:
    """Replace what no text column takes; an error may quote anything a file or a library says."""
    return message.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _one_line(cause: str) -> str:
    return " ".join(_storable(cause).split())
