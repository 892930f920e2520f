"""The job table: what can be done to jobs, each a transaction of its own."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Executable, Update

from reelwork import faults
from reelwork.db.engine import Database
from reelwork.db.transaction import Transaction
from reelwork.errors import ServiceUnavailable
from reelwork.jobs import quota, statements
from reelwork.jobs.attempts import WORKER_LOST, AttemptPolicy, told
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.listing import JobFilter, JobPage, Position, read_page, read_tags
from reelwork.jobs.model import Job
from reelwork.queues.service import QueueService
from reelwork.queues.transactional import TransactionalQueue

log = logging.getLogger(__name__)

_COLUMNS = frozenset(Job.__table__.columns.keys())


@dataclass(frozen=True)
class Lease:
    """A claim on a running job: what a worker shows to be allowed to write."""

    job_id: UUID
    token: UUID
    attempt: int


@dataclass(frozen=True)
class Claim:
    """A lease, and the work it is for.

    ``begun_at`` is the monotonic time before it was asked for: the lease runs from no earlier. ``waited_s`` is
    how long the job could have been claimed before it was.
    """

    lease: Lease
    begun_at: float
    input_path: str
    pipeline_definition: dict[str, Any]
    options: dict[str, Any]
    waited_s: float = 0.0


@dataclass(frozen=True)
class Standing:
    """Where a job stands, since when, and whose it is."""

    job_id: UUID
    status: JobStatus
    updated_at: datetime
    owner: str | None


@dataclass(frozen=True)
class StoredFiles:
    """Where the files of a deleted job are."""

    job_id: UUID
    input_path: str
    output_path: str | None


@dataclass(frozen=True)
class Run:
    """How long a completed job took, and for how many frames."""

    seconds: float
    frames: int


class JobStore:
    """The job table.

    A job that can be claimed at once is hinted at in the queue, in the same transaction if that can be.
    """

    def __init__(self, database: Database, queue: QueueService, policy: AttemptPolicy | None = None) -> None:
        self._database = database
        self._queue = queue
        # Found out once: to look whether a protocol is kept takes as long as to insert a row.
        self._within = queue if isinstance(queue, TransactionalQueue) else None
        self._policy = policy or AttemptPolicy()
        self._standing = database.glance(statements.STANDING)

    def add(
        self, job: Job, tags: Sequence[str] = (), within: Callable[[Transaction], None] = lambda transaction: None
    ) -> None:
        """Insert a pending job; durable when this returns.

        Args:
            job: The job.
            tags: Its tags, each given once.
            within: Writes what is to be there if, and only if, the job is; when it raises, neither is.

        Raises:
            KeyLimitReached: Its API key would have more queued than it may have; nothing is inserted.
        """
        given = {name: value for name, value in vars(job).items() if name in _COLUMNS}

        def write(transaction: Transaction) -> None:
            transaction.execute(statements.INSERT, given)
            if tags:
                transaction.execute(statements.INSERT_TAG, [{"the_job": job.job_id, "word": tag} for tag in tags])
            quota.enforce(transaction, job.owner, job.input_bytes)
            within(transaction)
            self._hint(transaction, [job.job_id])
            faults.point("submit.inserted")

        # Many submit at once: each with a commit of its own would wait for those of all others.
        self._database.write(write)

    def require_room(self, owner: str | None) -> None:
        """Refuse early what ``add`` would refuse for certain; see ``quota.require_room``."""
        quota.require_room(self._database, owner)

    def get(self, job_id: UUID) -> Job | None:
        """Return the job as it is now, or None."""
        for row in self._database.query(statements.GET, {"the_job": job_id}):
            return Job(**row._asdict())
        return None

    def get_many(self, job_ids: Sequence[UUID]) -> dict[UUID, Job]:
        """Return those of the jobs that exist."""
        rows = self._database.query(statements.GET_MANY, {"the_jobs": job_ids})
        return {row.job_id: Job(**row._asdict()) for row in rows}

    def page(self, asked: JobFilter, limit: int, after: Position | None = None) -> JobPage:
        """Return the next jobs behind a position, or the newest; see ``listing.read_page``."""
        return read_page(self._database, asked, limit, after)

    def tags_of(self, job_id: UUID) -> tuple[str, ...]:
        """Return the tags of a job, sorted."""
        return read_tags(self._database, [job_id]).get(job_id, ())

    def recent_runs(self, pipeline: str) -> list[Run]:
        """Return what jobs of a pipeline took that were completed lately; not all of them."""
        rows = self._database.query(statements.RECENT_RUNS, {"name": pipeline})
        return [
            Run((row.updated_at - row.started_at).total_seconds(), row.report["frames"])
            for row in rows
            if row.report and row.report.get("frames")
        ]

    def standings(self, job_ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Say where those of the jobs stand that exist."""
        rows = self._database.query(statements.STANDINGS, {"the_jobs": job_ids})
        return {row[0]: Standing(*row) for row in rows}

    def standing_now(self, job_id: UUID) -> Sequence[Standing] | None:
        """Say where a job stands, if it exists, without waiting for anything; None where that cannot be done."""
        rows = None if self._standing is None else self._standing.rows({"the_job": job_id})
        return None if rows is None else [Standing(job_id, *row) for row in rows]

    def claim(self, job_id: UUID, worker: str, lease_s: float) -> Claim | None:
        """Take a pending job for ``lease_s`` seconds; None when it is not there to be taken, or rests."""
        return self._claim(statements.CLAIM, worker, lease_s, the_job=job_id)

    def claim_next(self, worker: str, lease_s: float) -> Claim | None:
        """Take the job that has waited longest, whatever the queue says; None when nothing waits."""
        if not self._database.query(statements.ANY_WAITING):
            return None
        return self._claim(statements.CLAIM_OLDEST, worker, lease_s)

    def _claim(self, statement: Update, worker: str, lease_s: float, **which: UUID) -> Claim | None:
        token = uuid4()
        given = {"token": token, "seconds": lease_s, "holder": worker, **which}
        begun_at = time.monotonic()
        claimed = self._database.change(statement, given)
        if not claimed:
            return None
        [row] = claimed
        lease = Lease(row.job_id, token, row.attempt)
        waited_s = (row.started_at - row.waiting_since).total_seconds()
        return Claim(lease, begun_at, row.input_path, row.pipeline_definition, row.options, waited_s)

    def rest_over_in_s(self) -> float | None:
        """Return how soon the first of the jobs that rest may be claimed; None when none rests."""
        return self._soonest(statements.FIRST_REST)

    def lease_over_in_s(self) -> float | None:
        """Return how soon the first lease ends unless it is renewed; None when no job is running."""
        return self._soonest(statements.FIRST_LEASE)

    def _soonest(self, statement: Executable) -> float | None:
        [(moment, now)] = self._database.query(statement)
        return None if moment is None else float((moment - now).total_seconds())

    def renew(self, lease: Lease, lease_s: float) -> bool:
        """Extend a lease; False when it was lost."""
        return bool(self._database.change(statements.RENEW, {**_shown(lease), "seconds": lease_s}))

    def complete(self, lease: Lease, output_path: str, report: dict[str, Any] | None = None) -> bool:
        """Make stored results visible and the job completed; False when the lease was lost."""
        given = {**_shown(lease), "stored_at": output_path, "told": report}
        return bool(self._database.change(statements.COMPLETE, given))

    def fail(self, lease: Lease, error_message: str) -> bool:
        """End the job as failed; False when the lease was lost."""
        return bool(self._database.change(statements.FAIL, {**_shown(lease), "message": _storable(error_message)}))

    def release(self, lease: Lease) -> bool:
        """Hand the job back unharmed: the attempt is not counted; False when the lease was lost."""
        with self._database.writing() as transaction:
            released = transaction.scalars(statements.RELEASE, _shown(lease)).all()
            self._hint(transaction, released)
        return bool(released)

    def lose_attempt(self, lease: Lease, cause: str) -> JobStatus | None:
        """Write an attempt off: the job rests and is run again, or fails when none is left.

        Returns:
            The status the job is in now; None when the lease was lost.
        """
        given = {**_shown(lease), "cause": _one_line(cause)}
        with self._database.writing() as transaction:
            released, failed = self._lose_attempts(transaction, statements.LOSE_ATTEMPT, given)
        if not (released or failed):
            return None
        return JobStatus.FAILED if failed else JobStatus.PENDING

    def expire_leases(self) -> tuple[list[UUID], list[UUID]]:
        """Take running jobs from workers that stopped renewing; return those handed back and those failed."""
        with self._database.writing() as transaction:
            return self._lose_attempts(transaction, statements.EXPIRE_LEASES, {"cause": WORKER_LOST})

    def retry(self, job_id: UUID) -> bool:
        """Let a failed job be run again, with all its attempts; False when there is no such failed job.

        Raises:
            KeyLimitReached: Its API key would have more queued than it may have.
        """
        with self._database.writing() as transaction:
            retried: Sequence[Any] = transaction.execute(statements.RETRY, {"the_job": job_id}).all()
            for row in retried:
                quota.enforce(transaction, row.owner, row.input_bytes)
            self._hint(transaction, [row.job_id for row in retried])
        return bool(retried)

    def delete(self, job_id: UUID) -> StoredFiles | None:
        """Remove a job in whatever status, and say which files are its; None when there is no such job.

        A worker that runs it finds its lease lost.
        """
        for row in self._database.change(statements.DELETE, {"the_job": job_id}):
            return StoredFiles(*row)
        return None

    def delete_finished(self, older_than_s: float, most: int) -> list[StoredFiles]:
        """Remove jobs that ended longer ago than that, the oldest ones first, ``most`` of them at once.

        Those with a time of their own are left to ``delete_expired``.
        """
        deleted = self._database.change(statements.DELETE_FINISHED, {"seconds": -older_than_s, "most": most})
        return [StoredFiles(*row) for row in deleted]

    def delete_expired(self, most: int) -> list[StoredFiles]:
        """Remove jobs whose own time is over, the oldest ones first, ``most`` of them at once."""
        return [StoredFiles(*row) for row in self._database.change(statements.DELETE_EXPIRED, {"most": most})]

    def _lose_attempts(
        self, transaction: Transaction, noting: Update, given: dict[str, Any]
    ) -> tuple[list[UUID], list[UUID]]:
        """Note the cause on the jobs, which locks them, then hand back or fail each."""
        released: list[UUID] = []
        failed: list[UUID] = []
        lost: Sequence[Any] = transaction.execute(noting, given).all()
        for job_id, attempt, causes in lost:
            if attempt < self._policy.most:
                rest_s = self._policy.rest_after(attempt)
                transaction.execute(statements.LET_REST, {"the_job": job_id, "seconds": rest_s})
                released.append(job_id)
            else:
                message = told(causes.splitlines())
                transaction.execute(statements.FAIL_AFTER_THE_LAST, {"the_job": job_id, "message": message})
                failed.append(job_id)
        # They rest, but whoever waits for work learns until when.
        self._hint(transaction, released)
        return released, failed

    def _hint(self, transaction: Transaction, job_ids: Sequence[UUID]) -> None:
        if self._within is not None:
            for job_id in job_ids:
                self._within.enqueue_within(transaction, job_id)
        elif job_ids:
            # Before the commit a fast worker would look for a job that is not there yet.
            transaction.after_commit(lambda: self._ring(job_ids))

    def _ring(self, job_ids: Sequence[UUID]) -> None:
        try:
            for job_id in job_ids:
                self._queue.enqueue(job_id)
        except ServiceUnavailable:
            # The jobs are safe in their table, where workers look from time to time.
            log.warning("queue.unavailable", extra={"jobs": len(job_ids)}, exc_info=True)


def _shown(lease: Lease) -> dict[str, Any]:
    return {"the_job": lease.job_id, "token": lease.token}


def _storable(message: str) -> str:
    """Replace what no text column takes; an error may quote anything a file or a library says."""
    return message.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _one_line(cause: str) -> str:
    return " ".join(_storable(cause).split())
