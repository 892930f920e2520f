"""How jobs are claimed (`jobs/store.py`): each by one worker, whatever the queue says, on the database's clock."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import Job
from reelwork.jobs.store import Claim, JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from tests.support.claim_processes import claim_all, claim_what_waits, take_what_waits
from tests.support.concurrency import in_processes, in_threads
from tests.support.databases import run
from tests.support.job_moves import LEASE_S, DownQueue, added, claimed, completed, failed, waiting_hints
from tests.support.job_rows import (
    changes,
    clock_of,
    consistent_row,
    grow_old,
    insert_row,
    let_lease_run_out,
    row_of,
    update_row,
)
from tests.support.waiting import wait_until

Take = Callable[[JobStore, UUID, str], Claim | None]

WAYS: dict[str, Take] = {
    "by its id": lambda store, job_id, worker: store.claim(job_id, worker, LEASE_S),
    "as the next": lambda store, job_id, worker: store.claim_next(worker, LEASE_S),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def take(request: pytest.FixtureRequest) -> Take:
    """Both ways to claim a job; it is the only one there is."""
    return request.param  # type: ignore[no-any-return]


class TestClaiming:
    def test_takes_a_pending_job(self, database: Database, store: JobStore, take: Take) -> None:
        job_id = added(store, pipeline_definition={"a": 1}, options={"max_frames": 3})
        before, now = row_of(database, job_id), clock_of(database)
        claim = take(store, job_id, "worker one")
        assert claim is not None
        after = row_of(database, job_id)
        assert changes(before, after) == {
            "status": JobStatus.RUNNING,
            "attempt": 1,
            "lease_token": claim.lease.token,
            "lease_expires_at": after["lease_expires_at"],
            "started_at": after["started_at"],
            "worker": "worker one",
            "updated_at": after["updated_at"],
        }
        assert now <= after["updated_at"] <= clock_of(database)
        assert timedelta(0) <= after["lease_expires_at"] - timedelta(seconds=LEASE_S) - now < timedelta(seconds=20)
        assert (claim.lease.job_id, claim.lease.attempt) == (job_id, 1)
        assert claim.input_path == before["input_path"]
        assert claim.pipeline_definition == {"a": 1}
        assert claim.options == {"max_frames": 3}

    def test_every_claim_has_a_token_of_its_own(self, store: JobStore) -> None:
        leases = [claimed(store, added(store)) for _ in range(5)]
        assert len({lease.token for lease in leases}) == 5

    def test_leaves_every_other_job_alone(self, database: Database, store: JobStore, take: Take) -> None:
        one, other = added(store), added(store)
        update_row(database, one, created_at=database_now(-10))
        before = row_of(database, other)
        claim = take(store, one, "one")
        assert claim is not None
        assert claim.lease.job_id == one
        assert row_of(database, other) == before

    def test_an_unknown_job_is_not_there_to_be_taken(self, store: JobStore) -> None:
        added(store)
        assert store.claim(uuid4(), "one", LEASE_S) is None

    @pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.PENDING])
    def test_only_a_pending_job_can_be_taken(
        self, database: Database, store: JobStore, take: Take, status: JobStatus
    ) -> None:
        job_id = insert_row(database, consistent_row(status))
        before = row_of(database, job_id)
        assert take(store, job_id, "one") is None
        assert row_of(database, job_id) == before

    def test_one_that_rests_cannot_be_taken_until_it_has_rested(
        self, database: Database, store: JobStore, take: Take
    ) -> None:
        job_id = insert_row(database, consistent_row(JobStatus.PENDING))
        update_row(database, job_id, not_before=database_now(30))
        before = row_of(database, job_id)
        assert take(store, job_id, "one") is None
        assert row_of(database, job_id) == before
        update_row(database, job_id, not_before=database_now(0))
        assert take(store, job_id, "one") is not None

    def test_one_of_many_threads_wins(self, store: JobStore, take: Take) -> None:
        job_id = added(store)
        claims = in_threads(12, lambda number: take(store, job_id, f"thread {number}"))
        winners = [(number, claim) for number, claim in enumerate(claims) if claim]
        assert len(winners) == 1
        job = store.get(job_id)
        assert job is not None
        assert job.attempt == 1
        assert (job.worker, job.lease_token) == (f"thread {winners[0][0]}", winners[0][1].lease.token)

    def test_each_of_many_jobs_is_won_by_one_process(self, database_url: str, store: JobStore) -> None:
        job_ids = [added(store) for _ in range(15)]
        won = in_processes(3, claim_all, database_url, job_ids)
        assert in_order(won) == in_order([job_ids])


def in_order(parts: list[list[UUID]]) -> list[UUID]:
    """Put ids together, those that came twice twice."""
    return sorted((job_id for part in parts for job_id in part), key=str)


class TestClaimingTheNext:
    def test_it_is_the_oldest(self, database: Database, store: JobStore) -> None:
        run(database, "DROP INDEX ix_job_pending")  # which may give the order by chance
        job_ids = [added(store) for _ in range(4)]
        for age_s, job_id in zip((10, 30, 20, 40), job_ids, strict=True):
            update_row(database, job_id, created_at=database_now(-age_s), updated_at=database_now(-5))
        assert take_what_waits(store, "one") == [job_ids[3], job_ids[1], job_ids[2], job_ids[0]]

    def test_jobs_that_rest_are_passed_over(self, database: Database, store: JobStore) -> None:
        oldest, second, third = (added(store) for _ in range(3))
        for age_s, job_id in zip((30, 20, 10), (oldest, second, third), strict=True):
            update_row(database, job_id, created_at=database_now(-age_s))
        update_row(database, oldest, not_before=database_now(30))
        assert take_what_waits(store, "one") == [second, third]
        update_row(database, oldest, not_before=database_now(-1))
        assert take_what_waits(store, "one") == [oldest]

    def test_one_that_was_handed_back_keeps_its_place(self, database: Database, store: JobStore) -> None:
        first, second = added(store), added(store)
        update_row(database, first, created_at=database_now(-10))
        store.release(claimed(store, first))
        assert take_what_waits(store, "one") == [first, second]

    def test_of_nothing_comes_nothing(self, database: Database, store: JobStore) -> None:
        assert store.claim_next("one", LEASE_S) is None
        running, done, broken = claimed(store, added(store)).job_id, completed(store), failed(store)
        before = [row_of(database, job_id) for job_id in (running, done, broken)]
        assert store.claim_next("one", LEASE_S) is None
        assert [row_of(database, job_id) for job_id in (running, done, broken)] == before

    def test_while_nothing_waits_nothing_is_written(self, database: Database, store: JobStore) -> None:
        """Nor is a turn to write waited for: another writer is in the middle of a transaction."""
        update_row(database, added(store), not_before=database_now(30))
        completed(store)
        with database.writing() as transaction:
            transaction.execute(sa.update(Job).values(worker="somebody"))
            statements = seen_in(database)
            assert in_threads(1, lambda _: store.claim_next("one", LEASE_S)) == [None]
        assert [statement for statement in statements if "job" in statement]
        assert all(statement.startswith(("SELECT", "BEGIN", "PRAGMA")) for statement in statements)
        assert "BEGIN IMMEDIATE" not in statements

    def test_hints_that_were_lost_lose_nothing(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        job_ids = [added(store) for _ in range(3)]
        assert waiting_hints(database_queue) == job_ids
        assert in_order([take_what_waits(store, "one")]) == in_order([job_ids])

    def test_hints_at_other_jobs_do_not_matter(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        done, broken, running = completed(store), failed(store), claimed(store, added(store)).job_id
        for job_id in (done, broken, running, uuid4()):
            database_queue.enqueue(job_id)
        job_id = added(store)
        assert take_what_waits(store, "one") == [job_id]

    def test_hints_that_are_left_lead_to_no_second_run(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        job_ids = [added(store) for _ in range(3)]
        taken = take_what_waits(store, "one")
        hints = waiting_hints(database_queue)
        assert in_order([taken]) == in_order([hints]) == in_order([job_ids])
        assert [store.claim(job_id, "other", LEASE_S) for job_id in hints] == [None] * 3

    def test_a_queue_in_memory_that_was_lost_with_its_process(self, database: Database) -> None:
        job_ids = [added(JobStore(database, MemoryQueue())) for _ in range(2)]
        assert in_order([take_what_waits(JobStore(database, MemoryQueue()), "one")]) == in_order([job_ids])

    def test_a_queue_that_is_down_is_not_asked(self, database: Database) -> None:
        job_id = added(JobStore(database, DownQueue()))
        assert take_what_waits(JobStore(database, DownQueue()), "one") == [job_id]

    def test_each_of_many_jobs_is_taken_by_one_thread(self, database: Database, store: JobStore) -> None:
        """Some look by themselves, some follow hints, all at once."""
        job_ids = [added(store) for _ in range(60)]

        def work(number: int) -> list[UUID]:
            if number % 2:
                return take_what_waits(store, f"thread {number}")
            return [job_id for job_id in job_ids[::-1] if store.claim(job_id, f"thread {number}", LEASE_S)]

        taken = in_threads(6, work)
        assert in_order(taken) == in_order([job_ids])
        for number, part in enumerate(taken):
            for job_id in part:
                row = row_of(database, job_id)
                assert (row["attempt"], row["worker"]) == (1, f"thread {number}")

    def test_each_of_many_jobs_is_taken_by_one_process(self, database_url: str, store: JobStore) -> None:
        job_ids = [added(store) for _ in range(40)]
        taken = in_processes(3, claim_what_waits, database_url)
        assert in_order(taken) == in_order([job_ids])

    def test_a_job_that_another_is_about_to_take_is_not_waited_for(self, postgresql_database: Database) -> None:
        store = JobStore(postgresql_database, DatabaseQueue(postgresql_database))
        first, second = added(store), added(store)
        with postgresql_database.writing() as transaction:
            transaction.execute(sa.select(Job.job_id).where(Job.job_id == first).with_for_update())
            assert in_threads(1, lambda _: take_what_waits(store, "one")) == [[second]]
        assert take_what_waits(store, "one") == [first]


def seen_in(database: Database) -> list[str]:
    """Return the list to which every statement from now on is added."""
    statements: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def see(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    return statements


class TestTheClock:
    """Leases are judged by the database's clock: a worker whose clock is wrong is no worse than another."""

    @pytest.fixture(params=[-1, 1], ids=["an hour behind", "an hour ahead"])
    def wrong_clock(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        off_s = 3600.0 * request.param
        real_time, real_time_ns, real_datetime = time.time, time.time_ns, datetime

        class WrongDateTime(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return real_datetime.now(tz) + timedelta(seconds=off_s)

            @classmethod
            def utcnow(cls) -> Any:
                return cls.now(UTC).replace(tzinfo=None)

        monkeypatch.setattr(time, "time", lambda: real_time() + off_s)
        monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + int(off_s * 1e9))
        for name, module in list(sys.modules.items()):
            if name.startswith("reelwork.") and getattr(module, "datetime", None) is real_datetime:
                monkeypatch.setattr(module, "datetime", WrongDateTime)
        return

    @pytest.mark.usefixtures("wrong_clock")
    def test_a_wrong_clock_in_the_process_changes_nothing(self, database: Database, store: JobStore) -> None:
        now = clock_of(database)
        job_id = added(store)
        lease = claimed(store, job_id)
        row = row_of(database, job_id)
        for moment in (row["created_at"], row["updated_at"], row["lease_expires_at"] - timedelta(seconds=LEASE_S)):
            assert timedelta(0) <= moment - now < timedelta(seconds=20)
        assert store.expire_leases() == ([], [])
        assert store.renew(lease, LEASE_S)
        assert store.expire_leases() == ([], [])
        let_lease_run_out(database, job_id)
        assert store.expire_leases() == ([job_id], [])
        rest = row_of(database, job_id)["not_before"] - now
        assert timedelta(0) <= rest - timedelta(seconds=AttemptPolicy().rest_s) < timedelta(seconds=20)

    @pytest.mark.usefixtures("wrong_clock")
    def test_neither_rests_nor_ages_are_judged_by_it(self, database: Database, store: JobStore) -> None:
        resting, rested, done = added(store), added(store), completed(store)
        update_row(database, resting, not_before=database_now(1800))
        update_row(database, rested, not_before=database_now(-1))
        assert store.claim(resting, "one", LEASE_S) is None
        assert take_what_waits(store, "one") == [rested]
        assert store.delete_finished(1800, 10) == []
        grow_old(database, done, 1801)
        assert [files.job_id for files in store.delete_finished(1800, 10)] == [done]

    def test_a_lease_runs_out_by_itself(self, database: Database, store: JobStore) -> None:
        job_id = added(store)
        assert store.claim(job_id, "one", 0.05) is not None
        assert wait_until(lambda: any(answer := store.expire_leases()) and answer) == ([job_id], [])
        assert row_of(database, job_id)["updated_at"] >= row_of(database, job_id)["created_at"]

    def test_a_rest_ends_by_itself(self, database: Database, database_queue: DatabaseQueue) -> None:
        store = JobStore(database, database_queue, AttemptPolicy(rest_s=0.05))
        lease = claimed(store, added(store))
        store.lose_attempt(lease, "It crashed")
        rested_at = row_of(database, lease.job_id)["not_before"]
        claim = wait_until(lambda: store.claim_next("one", LEASE_S))
        assert claim.lease.job_id == lease.job_id
        assert row_of(database, lease.job_id)["updated_at"] >= rested_at
