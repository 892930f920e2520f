"""The job table against a model of a few lines: whatever is done in whatever order, both agree.

Short by default; `HYPOTHESIS_PROFILE=soak` looks longer, and each time somewhere else.
"""

import os
import sys
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs import statements
from reelwork.jobs.attempts import WORKER_LOST, AttemptPolicy, told
from reelwork.jobs.lifecycle import TRANSITIONS, JobStatus
from reelwork.jobs.model import Job
from reelwork.jobs.store import Claim, JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from reelwork.queues.service import QueueService
from tests.support.in_process.mutation import FENCE, NO_FENCE, mutated
from tests.support.job_moves import added, waiting_hints
from tests.support.job_rows import grow_old, let_lease_run_out, let_rest_pass, update_row

LEASE_S = 3600.0
MOST_ATTEMPTS = 2
RETENTION_S = 5000.0
ENDED = {JobStatus.COMPLETED, JobStatus.FAILED}

_ALWAYS = {"deadline": None, "suppress_health_check": list(HealthCheck), "report_multiple_bugs": False}
settings.register_profile("short", max_examples=25, stateful_step_count=30, derandomize=True, database=None, **_ALWAYS)
settings.register_profile("soak", max_examples=200, stateful_step_count=100, print_blob=True, **_ALWAYS)
PROFILE = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

RESTS_S = {"none": 0.0, "long": 300.0}
"""A rest is over before anybody looks, or is not over when the test is: so the model needs no clock."""


@dataclass
class ModelJob:
    """What a job should look like."""

    created_at: datetime
    status: JobStatus = JobStatus.PENDING
    attempt: int = 0
    token: UUID | None = None
    lost: bool = False
    rests: bool = False
    age_s: int = 0
    causes: list[str] = field(default_factory=list)
    output_path: str | None = None
    error_message: str | None = None
    history: list[tuple[JobStatus, JobStatus]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether it can be claimed."""
        return self.status is JobStatus.PENDING and not self.rests

    def move(self, status: JobStatus) -> None:
        """Change the status; a lease ends with it."""
        self.history.append((self.status, status))
        self.status, self.token, self.lost, self.age_s = status, None, False, 0

    def lose_attempt(self, cause: str, rest: str) -> JobStatus:
        """Hand the job back, or let it fail; return which."""
        self.causes.append(cause)
        if self.attempt < MOST_ATTEMPTS:
            self.move(JobStatus.PENDING)
            self.rests = rest == "long"
        else:
            self.move(JobStatus.FAILED)
            self.error_message = told(self.causes)
        return self.status


class JobTable(RuleBasedStateMachine):
    """Everything clients, workers and rescuers do, with leases of long ago and hints that are lost or come twice."""

    jobs: Bundle[UUID] = Bundle("jobs")
    leases: Bundle[Lease] = Bundle("leases")
    rests = st.sampled_from(sorted(RESTS_S))
    causes = st.sampled_from(["It crashed", "It hung."])

    def __init__(self, database: Database, queue: QueueService) -> None:
        super().__init__()
        self.database = database
        self.queue = queue
        self.stores = {
            rest: JobStore(database, queue, AttemptPolicy(most=MOST_ATTEMPTS, rest_s=rest_s))
            for rest, rest_s in RESTS_S.items()
        }
        self.store = self.stores["none"]
        self.model: dict[UUID, ModelJob] = {}
        self.hints: list[UUID] = []

    @initialize()
    def empty(self) -> None:
        with self.database.writing() as transaction:
            transaction.execute(sa.delete(Job))
        waiting_hints(self.queue)

    # What the model knows.

    def hint(self, job_id: UUID) -> None:
        if job_id not in self.hints:
            self.hints.append(job_id)

    def holds(self, lease: Lease) -> ModelJob | None:
        job = self.model.get(lease.job_id)
        return job if job and job.token == lease.token else None

    def is_claimed(self, claim: Claim) -> Lease:
        job = self.model[claim.lease.job_id]
        job.move(JobStatus.RUNNING)
        job.attempt += 1
        job.token = claim.lease.token
        assert claim.lease.attempt == job.attempt
        assert claim.lease.token not in self.tokens_of_others(claim.lease)
        return claim.lease

    def tokens_of_others(self, lease: Lease) -> set[UUID | None]:
        return {job.token for job_id, job in self.model.items() if job_id != lease.job_id}

    # Clients.

    @rule(target=jobs, age_s=st.sampled_from([0, 0, 20, 40]))
    def add(self, age_s: int) -> UUID:
        job_id = added(self.store)
        update_row(self.database, job_id, created_at=database_now(-age_s))
        job = self.store.get(job_id)
        assert job is not None
        self.model[job_id] = ModelJob(job.created_at)
        self.hint(job_id)
        return job_id

    @rule(job_id=jobs)
    def retry(self, job_id: UUID) -> None:
        job = self.model.get(job_id)
        retriable = job is not None and job.status is JobStatus.FAILED
        assert self.store.retry(job_id) == retriable
        if job and retriable:
            job.move(JobStatus.PENDING)
            job.attempt, job.error_message, job.causes, job.rests = 0, None, [], False
            self.hint(job_id)

    @rule(job_id=jobs)
    def delete(self, job_id: UUID) -> None:
        job = self.model.pop(job_id, None)
        files = self.store.delete(job_id)
        assert (files is not None) == (job is not None)
        if files and job:
            assert (files.job_id, files.output_path) == (job_id, job.output_path)

    # Workers.

    @rule(target=leases, job_id=jobs)
    def claim(self, job_id: UUID) -> Any:
        return self.claimed_if_it_waits(job_id)

    def claimed_if_it_waits(self, job_id: UUID) -> Any:
        job = self.model.get(job_id)
        claim = self.store.claim(job_id, "one", LEASE_S)
        assert (claim is not None) == (job is not None and job.waits)
        return self.is_claimed(claim) if claim else multiple()

    @rule(target=leases)
    def claim_next(self) -> Any:
        waiting = [job for job in self.model.values() if job.waits]
        claim = self.store.claim_next("one", LEASE_S)
        assert (claim is not None) == bool(waiting)
        if claim is None:
            return multiple()
        job = self.model[claim.lease.job_id]
        assert job in waiting
        assert job.created_at == min(other.created_at for other in waiting)
        return self.is_claimed(claim)

    @rule(target=leases)
    def follow_a_hint(self) -> Any:
        expected = self.hints.pop(0) if self.hints else None
        assert self.queue.dequeue() == expected
        return self.claimed_if_it_waits(expected) if expected else multiple()

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

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        job = self.holds(lease)
        assert self.store.release(lease) == (job is not None)
        if job:
            job.move(JobStatus.PENDING)
            job.attempt -= 1
            job.rests = False
            self.hint(lease.job_id)

    @rule(lease=leases, cause=causes, rest=rests)
    def lose_attempt(self, lease: Lease, cause: str, rest: str) -> None:
        job = self.holds(lease)
        answer = self.stores[rest].lose_attempt(lease, cause)
        assert answer == (job.lose_attempt(cause, rest) if job else None)
        if answer is JobStatus.PENDING:
            self.hint(lease.job_id)

    @rule(lease=leases)
    def lose_a_worker(self, lease: Lease) -> None:
        if job := self.holds(lease):
            let_lease_run_out(self.database, lease.job_id)
            job.lost = True

    @rule(target=leases, lease=leases)
    def another_worker_takes_over(self, lease: Lease) -> Any:
        """What leaves a stale lease behind; met by chance it would be rare."""
        self.lose_a_worker(lease)
        self.expire_leases("none")
        return self.claimed_if_it_waits(lease.job_id)

    @rule(target=leases, cause=causes, rest=rests)
    def an_attempt_comes_to_nothing(self, cause: str, rest: str) -> Any:
        """What leaves a job that rests; met by chance it would be rare, too."""
        lease = self.claim_next()
        if isinstance(lease, Lease):
            self.lose_attempt(lease, cause, rest)
        return lease

    # Rescuers.

    @rule(rest=rests)
    def expire_leases(self, rest: str) -> None:
        lost = {job_id: job for job_id, job in self.model.items() if job.lost}
        handed_back, failed = self.stores[rest].expire_leases()
        expected = {job_id: job.lose_attempt(WORKER_LOST, rest) for job_id, job in lost.items()}
        assert len(handed_back) + len(failed) == len(expected)
        assert dict.fromkeys(handed_back, JobStatus.PENDING) | dict.fromkeys(failed, JobStatus.FAILED) == expected
        for job_id in handed_back:
            self.hint(job_id)

    @rule(most=st.integers(0, 3))
    def delete_finished(self, most: int) -> None:
        old = {job_id: job.age_s for job_id, job in self.model.items() if job.age_s and job.status in ENDED}
        files = self.store.delete_finished(RETENTION_S, most)
        removed = {each.job_id: each.output_path for each in files}
        assert len(files) == len(removed) == min(most, len(old))
        assert sorted(old[job_id] for job_id in removed) == sorted(old.values())[len(old) - len(removed) :]
        for job_id, output_path in removed.items():
            assert self.model.pop(job_id).output_path == output_path

    # Time and the world.

    @rule(job_id=jobs)
    def rest_passes(self, job_id: UUID) -> None:
        job = self.model.get(job_id)
        if job and job.rests:
            let_rest_pass(self.database, job_id)
            job.rests = False

    @rule(job_id=jobs, age_s=st.integers(100, 150).map(lambda minutes: 60 * minutes))
    def time_passes(self, job_id: UUID, age_s: int) -> None:
        if job := self.model.get(job_id):
            grow_old(self.database, job_id, age_s)
            job.age_s = age_s

    @rule(job_id=jobs, what=st.sampled_from(["lost", "repeated", "unknown"]))
    def hints_go_wrong(self, job_id: UUID, what: str) -> None:
        """All are lost; one comes again, whatever has become of its job since; one comes for no job at all."""
        if what == "lost":
            assert waiting_hints(self.queue) == self.hints
            self.hints = []
        else:
            hinted = job_id if what == "repeated" else uuid4()
            self.queue.enqueue(hinted)
            self.hint(hinted)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.one_worker_brings_every_job_to_its_end()

    def one_worker_brings_every_job_to_its_end(self) -> None:
        """Without a single hint, from wherever the jobs stand."""
        waiting_hints(self.queue)
        for job_id, job in self.model.items():
            if job.status is JobStatus.RUNNING:
                let_lease_run_out(self.database, job_id)
                job.lost = True
        self.expire_leases("long")
        for job_id in self.model:
            self.rest_passes(job_id)
        while any(job.waits for job in self.model.values()):
            claim = self.store.claim_next("one", LEASE_S)
            assert claim is not None
            self.complete(self.is_claimed(claim))
        assert self.store.claim_next("one", LEASE_S) is None
        assert all(job.status in ENDED for job in self.model.values())
        self.they_agree()

    # What holds at every moment.

    @invariant()
    def they_agree(self) -> None:
        with self.database.reading() as transaction:
            rows = {row.job_id: row for row in transaction.execute(sa.select(Job))}
        assert rows.keys() == self.model.keys()
        for job_id, job in self.model.items():
            row = rows[job_id]
            assert (row.status, row.attempt, row.lease_token) == (job.status, job.attempt, job.token)
            assert (row.output_path, row.error_message) == (job.output_path, job.error_message)
            assert [cause.rstrip(".") for cause in (row.lost_attempts or "").splitlines()] == [
                cause.rstrip(".") for cause in job.causes
            ]

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        for job in self.model.values():
            assert set(job.history) <= TRANSITIONS.keys()
            assert 0 <= job.attempt <= MOST_ATTEMPTS

    @invariant()
    def a_completed_job_was_completed_once(self) -> None:
        for job in self.model.values():
            times = sum(target is JobStatus.COMPLETED for _, target in job.history)
            assert times == (job.status is JobStatus.COMPLETED)


@pytest.fixture(params=["database", "memory"])
def any_queue(request: pytest.FixtureRequest, database: Database) -> QueueService:
    """Each queue a job store may ring."""
    return DatabaseQueue(database) if request.param == "database" else MemoryQueue()


@pytest.mark.timeout(1200)
def test_the_table_and_the_model_agree(database: Database, any_queue: QueueService) -> None:
    run_state_machine_as_test(lambda: JobTable(database, any_queue), settings=PROFILE)


@pytest.mark.parametrize(
    ("written", "mistaken"),
    [
        (FENCE, NO_FENCE),
        ("or_(_job.not_before.is_(None), _job.not_before <= database_now())", "_job.job_id.is_not(None)"),
    ],
    ids=["the fence", "the rest"],
)
def test_without_a_part_of_the_store_they_do_not(database: Database, written: str, mistaken: str) -> None:
    """The model is no decoration: take a guard out and it notices."""
    searching = settings(settings.get_profile("short"), max_examples=300, phases=[Phase.generate])
    with mutated(statements, written, mistaken), pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: JobTable(database, MemoryQueue()), settings=searching)
