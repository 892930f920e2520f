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

from sqlalchemy import Update, event, func, select, update
from sqlalchemy.orm import Session

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.lifecycle import TRANSITIONS, JobStatus
from reelwork.jobs.model import Job
from reelwork.queues.service import QueueService, TransactionalQueue

log = logging.getLogger(__name__)

_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None, "worker": None}
_WORKER_LOST = "The worker that ran it was lost (killed, or its machine stopped)"


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


class JobStore:
    """The job table. A job that becomes pending is hinted at in the queue, in the same transaction if it can be."""

    def __init__(self, database: Database, queue: QueueService) -> None:
        self._database = database
        self._queue = queue

    def add(self, job: Job) -> None:
        """Insert a pending job; durable when this returns."""
        with self._database.writing() as session:
            session.add(job)
            session.flush()
            self._hint(session, [job.job_id])

    def get(self, job_id: UUID) -> Job | None:
        """Return the job as it is now, detached, or None."""
        with self._database.reading() as session:
            return session.get(Job, job_id)

    def claim(self, job_id: UUID, worker: str, lease_s: float) -> Claim | None:
        """Take a pending job for ``lease_s`` seconds; None when it is not there to be taken."""
        token = uuid4()
        statement = _move(JobStatus.PENDING, JobStatus.RUNNING).where(Job.job_id == job_id)
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
        return self._changes_one(statement.values(error_message=error_message, **_NO_LEASE))

    def release(self, lease: Lease, *, spend_attempt: bool) -> bool:
        """Hand the job back to be run again; False when the lease was lost."""
        statement = _move(JobStatus.RUNNING, JobStatus.PENDING).where(*_fence(lease))
        statement = statement.values(attempt=Job.attempt - (0 if spend_attempt else 1), **_NO_LEASE)
        with self._database.writing() as session:
            released = session.scalars(statement.returning(Job.job_id)).all()
            self._hint(session, released)
        return bool(released)

    def expire_leases(self, max_attempts: int) -> tuple[Sequence[UUID], Sequence[UUID]]:
        """Take running jobs from workers that stopped renewing; return those handed back and those failed."""
        expired = Job.lease_expires_at < database_now()
        message = f"{_WORKER_LOST}; it was tried {max_attempts} time(s)."
        failing = _move(JobStatus.RUNNING, JobStatus.FAILED).where(expired, Job.attempt >= max_attempts)
        # Said again, because the clock goes on between the two statements.
        releasing = _move(JobStatus.RUNNING, JobStatus.PENDING).where(expired, Job.attempt < max_attempts)
        with self._database.writing() as session:
            failed = session.scalars(failing.values(error_message=message, **_NO_LEASE).returning(Job.job_id)).all()
            released = session.scalars(releasing.values(**_NO_LEASE).returning(Job.job_id)).all()
            self._hint(session, released)
        return released, failed

    def hint_again(self, waiting_s: float) -> Sequence[UUID]:
        """Hint at the jobs pending for ``waiting_s`` or longer, oldest first, if hints were lost."""
        with self._database.reading() as session:
            pending = session.scalar(select(func.count()).where(Job.status == JobStatus.PENDING)) or 0
        if self._queue.size() >= pending:
            return []
        waiting = Job.updated_at < database_now(-waiting_s)
        statement = select(Job.job_id).where(Job.status == JobStatus.PENDING, waiting).order_by(Job.created_at)
        with self._database.writing() as session:
            job_ids = session.scalars(statement).all()
            self._hint(session, job_ids)
        return job_ids

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
            # The jobs are safe in their table: `hint_again` makes up for the queue.
            log.warning("queue.unavailable", extra={"jobs": len(job_ids)}, exc_info=True)


def _move(source: JobStatus, target: JobStatus) -> Update:
    assert (source, target) in TRANSITIONS
    statement = update(Job).where(Job.status == source).values(status=target, updated_at=database_now())
    return statement.execution_options(synchronize_session=False)


def _fence(lease: Lease) -> tuple[Any, ...]:
    return (Job.job_id == lease.job_id, Job.lease_token == lease.token, Job.status == JobStatus.RUNNING)
