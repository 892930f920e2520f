"""The job table against a model of a few lines: whatever is done in whatever order, both agree."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from reelwork.jobs.lifecycle import TRANSITIONS, JobStatus
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import sqlite_url
from tests.support.job_rows import let_lease_run_out, row_of
from tests.support.jobs import make_job

LEASE_S = 3600.0
MAX_ATTEMPTS = 2


@dataclass
class ModelJob:
    """What a job should look like."""

    status: JobStatus = JobStatus.PENDING
    attempt: int = 0
    token: UUID | None = None
    lost: bool = False
    output_path: str | None = None
    error_message: str | None = None
    history: list[tuple[JobStatus, JobStatus]] = field(default_factory=list)

    def move(self, status: JobStatus) -> None:
        """Change the status; a lease ends with it."""
        self.history.append((self.status, status))
        self.status, self.token, self.lost = status, None, False


class JobTable(RuleBasedStateMachine):
    """Everything workers and rescuers do, leases that ran out and leases of long ago included."""

    jobs: Bundle[UUID] = Bundle("jobs")
    leases: Bundle[Lease] = Bundle("leases")

    @initialize()
    def open(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="reelwork-")
        self.database = Database(sqlite_url(Path(self.directory.name) / "jobs.db"))
        migrate(self.database)
        self.queue = DatabaseQueue(self.database)
        self.store = JobStore(self.database, self.queue)
        self.model: dict[UUID, ModelJob] = {}
        self.hints: list[UUID] = []

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.directory.cleanup()

    def hint(self, job_id: UUID) -> None:
        if job_id not in self.hints:
            self.hints.append(job_id)

    def holds(self, lease: Lease) -> ModelJob | None:
        job = self.model[lease.job_id]
        return job if job.token == lease.token else None

    @rule(target=jobs)
    def add(self) -> UUID:
        job = make_job()
        self.store.add(job)
        self.model[job.job_id] = ModelJob()
        self.hint(job.job_id)
        return job.job_id

    @rule(target=leases, job_id=jobs)
    def claim(self, job_id: UUID) -> Any:
        job = self.model[job_id]
        claim = self.store.claim(job_id, "one", LEASE_S)
        assert (claim is not None) == (job.status is JobStatus.PENDING)
        if claim is None:
            return multiple()
        job.move(JobStatus.RUNNING)
        job.attempt += 1
        job.token = claim.lease.token
        assert claim.lease.attempt == job.attempt
        return claim.lease

    @rule()
    def dequeue(self) -> None:
        expected = self.hints.pop(0) if self.hints else None
        assert self.queue.dequeue() == expected

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        job = self.holds(lease)
        assert self.store.renew(lease, LEASE_S) == (job is not None)
        if job:
            job.lost = False

    @rule(lease=leases)
    def complete(self, lease: Lease) -> None:
        job = self.holds(lease)
        path = f"video_results/{lease.token}.json"
        assert self.store.complete(lease, path) == (job is not None)
        if job:
            job.move(JobStatus.COMPLETED)
            job.output_path = path

    @rule(lease=leases, message=st.text(alphabet="ab'\"%;", max_size=5))
    def fail(self, lease: Lease, message: str) -> None:
        job = self.holds(lease)
        assert self.store.fail(lease, message) == (job is not None)
        if job:
            job.move(JobStatus.FAILED)
            job.error_message = message

    @rule(lease=leases, spend_attempt=st.booleans())
    def release(self, lease: Lease, spend_attempt: bool) -> None:
        job = self.holds(lease)
        assert self.store.release(lease, spend_attempt=spend_attempt) == (job is not None)
        if job:
            job.move(JobStatus.PENDING)
            job.attempt -= not spend_attempt
            self.hint(lease.job_id)

    @rule(lease=leases)
    def lose_a_worker(self, lease: Lease) -> None:
        if job := self.holds(lease):
            let_lease_run_out(self.database, lease.job_id)
            job.lost = True

    @rule()
    def expire_leases(self) -> None:
        lost = {job_id for job_id, job in self.model.items() if job.lost}
        spent = {job_id for job_id in lost if self.model[job_id].attempt >= MAX_ATTEMPTS}
        released, failed = self.store.expire_leases(MAX_ATTEMPTS)
        assert set(failed) == spent
        assert set(released) == lost - spent
        assert len(released) + len(failed) == len(lost)
        for job_id in spent:
            self.model[job_id].move(JobStatus.FAILED)
            self.model[job_id].error_message = row_of(self.database, job_id)["error_message"]
        for job_id in released:
            self.model[job_id].move(JobStatus.PENDING)
            self.hint(job_id)

    @rule()
    def hint_again(self) -> None:
        pending = [job_id for job_id, job in self.model.items() if job.status is JobStatus.PENDING]
        hinted = self.store.hint_again(-LEASE_S)
        if len(self.hints) >= len(pending):
            assert hinted == []
            return
        assert set(hinted) == set(pending)
        for job_id in hinted:
            self.hint(job_id)

    @rule()
    def claim_an_unknown_job(self) -> None:
        assert self.store.claim(uuid4(), "one", LEASE_S) is None

    @invariant()
    def they_agree(self) -> None:
        for job_id, job in getattr(self, "model", {}).items():
            row = row_of(self.database, job_id)
            assert row["status"] == job.status
            assert row["attempt"] == job.attempt
            assert row["lease_token"] == job.token
            assert row["output_path"] == job.output_path
            assert row["error_message"] == job.error_message
            assert set(job.history) <= set(TRANSITIONS)

    @invariant()
    def no_hint_is_missing(self) -> None:
        assert not hasattr(self, "queue") or self.queue.size() == len(self.hints)


TestJobTable = JobTable.TestCase
TestJobTable.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
