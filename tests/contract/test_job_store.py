"""What the job table promises (`jobs/store.py`), checked on SQLite and on PostgreSQL."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.lifecycle import PROGRESS, TRANSITIONS, JobStatus
from reelwork.jobs.model import Job
from reelwork.jobs.store import JobStore, Lease, _move
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from reelwork.queues.service import QueueService
from tests.support.claim_processes import claim_all
from tests.support.concurrency import in_processes, in_threads
from tests.support.databases import run
from tests.support.job_rows import (
    changes,
    clock_of,
    consistent_row,
    insert_row,
    let_lease_run_out,
    row_of,
    update_row,
)
from tests.support.jobs import make_job

LEASE_S = 60.0


def added(store: JobStore, **columns: Any) -> UUID:
    """Add a pending job."""
    job = make_job(**columns)
    store.add(job)
    return job.job_id


def claimed(store: JobStore, job_id: UUID, worker: str = "one") -> Lease:
    """Claim a job that must be there to be claimed."""
    claim = store.claim(job_id, worker, LEASE_S)
    assert claim is not None
    return claim.lease


def waiting_hints(queue: QueueService) -> list[UUID]:
    """Take every hint there is."""
    hints = []
    while (job_id := queue.dequeue()) is not None:
        hints.append(job_id)
    return hints


class DownQueue:
    """A queue that does not answer."""

    def enqueue(self, job_id: UUID) -> None:
        raise ServiceUnavailable("The queue does not answer.")

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        raise ServiceUnavailable("The queue does not answer.")

    def size(self) -> int:
        raise ServiceUnavailable("The queue does not answer.")


class TestAdding:
    def test_a_job_begins_pending(self, database: Database, store: JobStore) -> None:
        before = clock_of(database)
        job = make_job(pipeline="text", pipeline_definition={"a": [1, None]}, options={"max_frames": 3})
        store.add(job)
        row = row_of(database, job.job_id)
        assert before <= row["created_at"] <= clock_of(database)
        assert before <= row["updated_at"] <= clock_of(database)
        assert row == {
            "job_id": job.job_id,
            "status": JobStatus.PENDING,
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "input_path": f"video_jobs/{job.job_id}.mp4",
            "output_path": None,
            "error_message": None,
            "pipeline": "text",
            "pipeline_definition": {"a": [1, None]},
            "options": {"max_frames": 3},
            "attempt": 0,
            "lease_token": None,
            "lease_expires_at": None,
            "worker": None,
        }

    def test_times_are_in_utc(self, store: JobStore) -> None:
        job = store.get(added(store))
        assert job is not None
        assert job.created_at.utcoffset() == timedelta(0)
        assert abs(job.created_at - datetime.now(UTC)) < timedelta(minutes=1)

    def test_get_knows_no_other_job(self, store: JobStore) -> None:
        added(store)
        assert store.get(uuid4()) is None

    def test_a_job_is_hinted_at_once(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        job_ids = [added(store) for _ in range(3)]
        assert waiting_hints(database_queue) == job_ids

    def test_an_id_cannot_be_added_twice(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        waiting_hints(database_queue)
        before = row_of(database, job_id)
        with pytest.raises(IntegrityError):
            store.add(make_job(job_id, pipeline="other"))
        assert row_of(database, job_id) == before
        assert database_queue.size() == 0

    def test_without_its_hint_there_is_no_job(self, database: Database) -> None:
        class BreakingQueue(DatabaseQueue):
            def enqueue_within(self, session: Any, job_id: UUID) -> None:
                super().enqueue_within(session, job_id)
                raise ZeroDivisionError

        queue = BreakingQueue(database)
        job = make_job()
        with pytest.raises(ZeroDivisionError):
            JobStore(database, queue).add(job)
        assert JobStore(database, queue).get(job.job_id) is None
        assert queue.size() == 0

    def test_a_commit_that_fails_leaves_neither(self, database: Database, database_queue: DatabaseQueue) -> None:
        def refuse(connection: object) -> None:
            raise ZeroDivisionError

        event.listen(database.engine, "commit", refuse)
        job = make_job()
        with pytest.raises(ZeroDivisionError):
            JobStore(database, database_queue).add(job)
        event.remove(database.engine, "commit", refuse)
        assert JobStore(database, database_queue).get(job.job_id) is None
        assert database_queue.size() == 0


class TestAQueueElsewhere:
    """A queue that cannot take part in the transaction of the job."""

    def test_a_hint_comes_after_the_commit(self, database: Database) -> None:
        class LookingQueue(MemoryQueue):
            def enqueue(self, job_id: UUID) -> None:
                with database.reading() as session:
                    seen.append(session.get(Job, job_id))
                super().enqueue(job_id)

        seen: list[Job | None] = []
        queue = LookingQueue()
        job_id = added(JobStore(database, queue))
        assert [job and job.job_id for job in seen] == [job_id]
        assert waiting_hints(queue) == [job_id]

    def test_a_job_that_is_not_added_is_not_hinted_at(self, database: Database) -> None:
        queue = MemoryQueue()
        store = JobStore(database, queue)
        job_id = added(store)
        waiting_hints(queue)
        with pytest.raises(IntegrityError):
            store.add(make_job(job_id))
        assert queue.size() == 0

    def test_what_is_handed_back_is_hinted_at(self, database: Database) -> None:
        queue = MemoryQueue()
        store = JobStore(database, queue)
        released, expired = added(store), added(store)
        waiting_hints(queue)
        store.release(claimed(store, released), spend_attempt=True)
        assert waiting_hints(queue) == [released]
        claimed(store, expired)
        let_lease_run_out(database, expired)
        store.expire_leases(3)
        assert waiting_hints(queue) == [expired]

    def test_one_that_is_down_loses_no_job(self, database: Database) -> None:
        store = JobStore(database, DownQueue())
        job_id = added(store)
        lease = claimed(store, job_id)
        assert store.release(lease, spend_attempt=True)
        assert row_of(database, job_id)["status"] == JobStatus.PENDING
        claimed(store, job_id)
        let_lease_run_out(database, job_id)
        assert store.expire_leases(3) == ([job_id], [])
        again = JobStore(database, queue := MemoryQueue())
        assert again.hint_again(0) == [job_id]
        assert waiting_hints(queue) == [job_id]


class TestClaiming:
    def test_takes_a_pending_job(self, database: Database, store: JobStore) -> None:
        job_id = added(store, pipeline_definition={"a": 1}, options={"max_frames": 3})
        before, now = row_of(database, job_id), clock_of(database)
        claim = store.claim(job_id, "worker one", LEASE_S)
        assert claim is not None
        after = row_of(database, job_id)
        assert changes(before, after) == {
            "status": JobStatus.RUNNING,
            "attempt": 1,
            "lease_token": claim.lease.token,
            "lease_expires_at": after["lease_expires_at"],
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

    def test_leaves_every_other_job_alone(self, database: Database, store: JobStore) -> None:
        one, other = added(store), added(store)
        before = row_of(database, other)
        claimed(store, one)
        assert row_of(database, other) == before

    def test_an_unknown_job_is_not_there_to_be_taken(self, store: JobStore) -> None:
        added(store)
        assert store.claim(uuid4(), "one", LEASE_S) is None

    @pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.PENDING])
    def test_only_a_pending_job_can_be_taken(self, database: Database, store: JobStore, status: JobStatus) -> None:
        job_id = insert_row(database, consistent_row(status))
        before = row_of(database, job_id)
        assert store.claim(job_id, "one", LEASE_S) is None
        assert row_of(database, job_id) == before

    def test_one_of_many_threads_wins(self, store: JobStore) -> None:
        job_id = added(store)
        claims = in_threads(12, lambda number: store.claim(job_id, f"thread {number}", LEASE_S))
        winners = [(number, claim) for number, claim in enumerate(claims) if claim]
        assert len(winners) == 1
        job = store.get(job_id)
        assert job is not None
        assert job.attempt == 1
        assert (job.worker, job.lease_token) == (f"thread {winners[0][0]}", winners[0][1].lease.token)

    def test_each_of_many_jobs_is_won_by_one_process(self, database_url: str, store: JobStore) -> None:
        job_ids = [added(store) for _ in range(15)]
        won = in_processes(3, claim_all, database_url, job_ids)
        assert sorted((job_id for each in won for job_id in each), key=str) == sorted(job_ids, key=str)


class TestEnding:
    def test_completing_shows_the_results(self, database: Database, store: JobStore) -> None:
        job_id = added(store)
        lease = claimed(store, job_id)
        before = row_of(database, job_id)
        assert store.complete(lease, "video_results/a/b.json")
        after = row_of(database, job_id)
        assert changes(before, after) == {
            "status": JobStatus.COMPLETED,
            "output_path": "video_results/a/b.json",
            "lease_token": None,
            "lease_expires_at": None,
            "worker": None,
            "updated_at": after["updated_at"],
        }
        assert before["updated_at"] <= after["updated_at"] <= clock_of(database)

    def test_failing_says_why(self, database: Database, store: JobStore) -> None:
        job_id = added(store)
        lease = claimed(store, job_id)
        before = row_of(database, job_id)
        assert store.fail(lease, "It broke; 'quoted', 視頻.")
        after = row_of(database, job_id)
        assert changes(before, after) == {
            "status": JobStatus.FAILED,
            "error_message": "It broke; 'quoted', 視頻.",
            "lease_token": None,
            "lease_expires_at": None,
            "worker": None,
            "updated_at": after["updated_at"],
        }

    @pytest.mark.parametrize(("spend_attempt", "attempt"), [(True, 1), (False, 0)])
    def test_releasing_hands_it_back(
        self,
        database: Database,
        store: JobStore,
        database_queue: DatabaseQueue,
        spend_attempt: bool,
        attempt: int,
    ) -> None:
        job_id = added(store)
        waiting_hints(database_queue)
        before = row_of(database, job_id)
        assert store.release(claimed(store, job_id), spend_attempt=spend_attempt)
        after = row_of(database, job_id)
        assert changes(before | {"attempt": None}, after) == {"attempt": attempt, "updated_at": after["updated_at"]}
        assert after["updated_at"] > before["updated_at"]
        assert waiting_hints(database_queue) == [job_id]
        assert claimed(store, job_id).attempt == attempt + 1

    def test_renewing_changes_the_end_of_the_lease_alone(self, database: Database, store: JobStore) -> None:
        job_id = added(store)
        lease = claimed(store, job_id)
        before, now = row_of(database, job_id), clock_of(database)
        assert store.renew(lease, 500)
        after = row_of(database, job_id)
        assert set(changes(before, after)) == {"lease_expires_at"}
        assert timedelta(0) <= after["lease_expires_at"] - timedelta(seconds=500) - now < timedelta(seconds=20)

    def test_a_job_that_goes_on_or_ends_is_not_hinted_at(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        completed, failed = added(store), added(store)
        waiting_hints(database_queue)
        lease = claimed(store, completed)
        store.renew(lease, LEASE_S)
        store.complete(lease, "x")
        store.fail(claimed(store, failed), "x")
        assert database_queue.size() == 0


def _writes(store: JobStore, lease: Lease) -> dict[str, bool]:
    """Try everything that needs a lease; tell what succeeded."""
    return {
        "renew": store.renew(lease, LEASE_S),
        "complete": store.complete(lease, "stale"),
        "fail": store.fail(lease, "stale"),
        "release, spent": store.release(lease, spend_attempt=True),
        "release, unspent": store.release(lease, spend_attempt=False),
    }


class TestTheFence:
    """A worker that lost its lease can change nothing, whatever has become of the job since."""

    @pytest.fixture
    def lost(self, database: Database, store: JobStore) -> Lease:
        """A lease that ran out, of a job that was handed back."""
        lease = claimed(store, added(store), "paused")
        let_lease_run_out(database, lease.job_id)
        assert store.expire_leases(3) == ([lease.job_id], [])
        return lease

    def move_on(self, store: JobStore, job_id: UUID, status: JobStatus) -> None:
        if status is JobStatus.PENDING:
            return
        lease = claimed(store, job_id, "other")
        if status is JobStatus.COMPLETED:
            store.complete(lease, "video_results/other.json")
        if status is JobStatus.FAILED:
            store.fail(lease, "of the other")

    @pytest.mark.parametrize("status", list(JobStatus))
    def test_after_a_lease_was_lost(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue, lost: Lease, status: JobStatus
    ) -> None:
        self.move_on(store, lost.job_id, status)
        waiting_hints(database_queue)
        before = row_of(database, lost.job_id)
        assert before["status"] == status
        assert not any(_writes(store, lost).values())
        assert row_of(database, lost.job_id) == before
        assert database_queue.size() == 0

    def test_the_worker_that_has_it_now_is_not_disturbed(self, store: JobStore, lost: Lease) -> None:
        lease = claimed(store, lost.job_id, "other")
        _writes(store, lost)
        assert store.renew(lease, LEASE_S)
        assert store.complete(lease, "video_results/other.json")

    def test_a_lease_is_for_one_job(self, database: Database, store: JobStore) -> None:
        one, other = claimed(store, added(store)), claimed(store, added(store))
        before = row_of(database, other.job_id)
        assert not any(_writes(store, Lease(other.job_id, one.token, 1)).values())
        assert row_of(database, other.job_id) == before

    @pytest.mark.parametrize(
        "end",
        [
            lambda store, lease: store.complete(lease, "first"),
            lambda store, lease: store.fail(lease, "first"),
            lambda store, lease: store.release(lease, spend_attempt=False),
        ],
        ids=["complete", "fail", "release"],
    )
    def test_a_lease_ends_with_what_it_was_for(
        self, database: Database, store: JobStore, end: Callable[[JobStore, Lease], bool]
    ) -> None:
        lease = claimed(store, added(store))
        assert end(store, lease)
        before = row_of(database, lease.job_id)
        assert not any(_writes(store, lease).values())
        assert row_of(database, lease.job_id) == before

    def test_a_lease_that_ran_out_counts_until_it_is_taken_away(self, database: Database, store: JobStore) -> None:
        lease = claimed(store, added(store))
        let_lease_run_out(database, lease.job_id)
        assert store.renew(lease, LEASE_S)
        assert store.expire_leases(3) == ([], [])
        assert store.complete(lease, "video_results/x.json")

    def test_of_worker_and_rescuer_one_wins(self, database: Database, store: JobStore) -> None:
        for _ in range(8):
            lease = claimed(store, added(store))
            let_lease_run_out(database, lease.job_id)
            completed, rescued = in_threads(
                2,
                lambda number, lease=lease: store.expire_leases(3) if number else store.complete(lease, "done"),  # type: ignore[misc]
            )
            released, failed = rescued
            status = row_of(database, lease.job_id)["status"]
            assert failed == []
            assert (completed, list(released), status) in [
                (True, [], JobStatus.COMPLETED),
                (False, [lease.job_id], JobStatus.PENDING),
            ]


class TestExpiry:
    def test_a_lost_job_is_handed_back(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        waiting_hints(database_queue)
        before = row_of(database, job_id)
        claimed(store, job_id)
        let_lease_run_out(database, job_id)
        assert store.expire_leases(3) == ([job_id], [])
        after = row_of(database, job_id)
        assert changes(before, after) == {"attempt": 1, "updated_at": after["updated_at"]}
        assert waiting_hints(database_queue) == [job_id]

    def test_a_job_fails_when_its_attempts_ran_out(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        for attempt in (1, 2, 3):
            assert claimed(store, job_id).attempt == attempt
            waiting_hints(database_queue)
            let_lease_run_out(database, job_id)
            expected = ([job_id], []) if attempt < 3 else ([], [job_id])
            assert store.expire_leases(3) == expected
        row = row_of(database, job_id)
        assert row["status"] == JobStatus.FAILED
        assert row["attempt"] == 3
        assert (row["lease_token"], row["lease_expires_at"], row["worker"]) == (None, None, None)
        assert row["error_message"] == (
            "The worker that ran it was lost (killed, or its machine stopped); it was tried 3 time(s)."
        )
        assert database_queue.size() == 0

    def test_what_is_not_lost_stays_as_it_is(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        rows = [consistent_row(status) for status in JobStatus]
        job_ids = [insert_row(database, row) for row in rows]
        running = claimed(store, added(store)).job_id
        waiting_hints(database_queue)
        before = [row_of(database, job_id) for job_id in [*job_ids, running]]
        assert store.expire_leases(1) == ([], [])
        assert [row_of(database, job_id) for job_id in [*job_ids, running]] == before
        assert database_queue.size() == 0

    def test_all_of_them_at_once(self, database: Database, store: JobStore) -> None:
        lost = [claimed(store, added(store)).job_id for _ in range(4)]
        spent = [insert_row(database, consistent_row(JobStatus.RUNNING, attempt=attempt)) for attempt in (3, 4)]
        kept = claimed(store, added(store)).job_id
        for job_id in [*lost, *spent]:
            let_lease_run_out(database, job_id)
        released, failed = store.expire_leases(3)
        assert set(released) == set(lost)
        assert set(failed) == set(spent)
        assert row_of(database, kept)["status"] == JobStatus.RUNNING

    def test_of_several_rescuers_one_hands_it_back(self, database: Database, store: JobStore) -> None:
        job_id = claimed(store, added(store)).job_id
        let_lease_run_out(database, job_id)
        answers = in_threads(4, lambda _: store.expire_leases(3))
        assert [job_id for released, _ in answers for job_id in released] == [job_id]
        assert all(not failed for _, failed in answers)

    def test_a_last_lease_that_runs_out_meanwhile_is_not_handed_back(self, database: Database, store: JobStore) -> None:
        """The clock goes on between the statement that fails jobs and the one that hands them back."""
        job_id = insert_row(database, consistent_row(JobStatus.RUNNING, attempt=3))
        running_out = sa.text("UPDATE job SET lease_expires_at = updated_at WHERE attempt = 3")
        updates = 0

        @event.listens_for(database.engine, "after_cursor_execute")
        def run_out(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
            nonlocal updates
            if statement.startswith("UPDATE job SET status"):
                updates += 1
                if updates == 1:
                    connection.execute(running_out)

        assert store.expire_leases(3) == ([], [])
        assert row_of(database, job_id)["status"] == JobStatus.RUNNING
        assert store.expire_leases(3) == ([], [job_id])


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
        assert store.expire_leases(3) == ([], [])
        assert store.renew(lease, LEASE_S)
        assert store.expire_leases(3) == ([], [])
        let_lease_run_out(database, job_id)
        assert store.expire_leases(3) == ([job_id], [])
        assert store.hint_again(100) == []

    def test_a_lease_runs_out_by_itself(self, database: Database, store: JobStore) -> None:
        job_id = added(store)
        assert store.claim(job_id, "one", 0.05) is not None
        deadline = time.monotonic() + 10
        while (answer := store.expire_leases(3)) == ([], []) and time.monotonic() < deadline:
            pass
        assert answer == ([job_id], [])
        assert row_of(database, job_id)["updated_at"] >= row_of(database, job_id)["created_at"]


class TestHintingAgain:
    def test_lost_hints_are_made_up_for_oldest_first(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        run(database, "DROP INDEX ix_job_pending")  # which may give the order by chance
        job_ids = [added(store) for _ in range(3)]
        waiting_hints(database_queue)
        for age_s, job_id in zip((10, 30, 20), job_ids, strict=True):
            update_row(database, job_id, created_at=database_now(-age_s), updated_at=database_now(-5))
        oldest_first = [job_ids[1], job_ids[2], job_ids[0]]
        assert store.hint_again(3) == oldest_first
        assert waiting_hints(database_queue) == oldest_first

    def test_what_has_not_waited_long_enough_is_left_alone(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        old, new = added(store), added(store)
        waiting_hints(database_queue)
        update_row(database, old, updated_at=database_now(-10))
        update_row(database, new, created_at=database_now(-100))
        assert store.hint_again(5) == [old]
        assert waiting_hints(database_queue) == [old]

    def test_nothing_is_done_while_there_is_a_hint_for_each(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_ids = [added(store) for _ in range(2)]
        for job_id in job_ids:
            update_row(database, job_id, updated_at=database_now(-10))
        assert store.hint_again(0) == []
        assert waiting_hints(database_queue) == job_ids

    def test_one_lost_hint_is_noticed(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        first, second = added(store), added(store)
        assert database_queue.dequeue() == first
        assert store.hint_again(-1) == [first, second]
        assert sorted(waiting_hints(database_queue), key=str) == sorted([first, second], key=str)

    @pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.PENDING])
    def test_only_pending_jobs_are_hinted_at(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue, status: JobStatus
    ) -> None:
        insert_row(database, consistent_row(status))
        pending = insert_row(database, consistent_row(JobStatus.PENDING))
        assert store.hint_again(0) == [pending]
        assert waiting_hints(database_queue) == [pending]

    def test_a_queue_in_memory_that_was_lost_with_its_process(self, database: Database) -> None:
        job_ids = [added(JobStore(database, MemoryQueue())) for _ in range(2)]
        queue = MemoryQueue()
        store = JobStore(database, queue)
        assert store.hint_again(-1) == job_ids
        assert waiting_hints(queue) == job_ids

    def test_with_nothing_pending(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        assert store.hint_again(0) == []
        assert database_queue.size() == 0


ALL_MOVES = list(product(JobStatus, JobStatus))


class TestTransitions:
    """The table of moves is said once; the store makes those moves and no other."""

    def operations(self, store: JobStore, row: dict[str, Any]) -> dict[str, Callable[[], object]]:
        lease = Lease(row["job_id"], row["lease_token"] or uuid4(), row["attempt"])
        written: dict[str, Callable[[], object]] = {
            "claim": lambda: store.claim(row["job_id"], "one", LEASE_S),
            "renew": lambda: store.renew(lease, LEASE_S),
            "complete": lambda: store.complete(lease, "x"),
            "fail": lambda: store.fail(lease, "x"),
            "release, spent": lambda: store.release(lease, spend_attempt=True),
            "release, unspent": lambda: store.release(lease, spend_attempt=False),
            "expire, some left": lambda: store.expire_leases(100),
            "expire, none left": lambda: store.expire_leases(1),
            "hint again": lambda: store.hint_again(0),
            "add again": lambda: self.add_again(store, row["job_id"]),
        }
        if retry := getattr(store, "retry", None):
            written["retry"] = lambda: retry(row["job_id"])
        return written

    def add_again(self, store: JobStore, job_id: UUID) -> None:
        with suppress(IntegrityError):
            store.add(make_job(job_id))

    def test_the_store_makes_the_moves_of_the_table(self, database: Database, store: JobStore) -> None:
        seen = set()
        for status in JobStatus:
            for name in self.operations(store, consistent_row(status)):
                row = consistent_row(status)
                if row["lease_token"]:
                    row["lease_expires_at"] = row["created_at"]
                insert_row(database, row)
                self.operations(store, row)[name]()
                after = row_of(database, row["job_id"])["status"]
                if after != status:
                    seen.add((status, after))
                with database.writing() as session:
                    session.execute(sa.delete(Job))
        asked_for_by_a_person = set() if hasattr(store, "retry") else {(JobStatus.FAILED, JobStatus.PENDING)}
        assert seen == set(TRANSITIONS) - asked_for_by_a_person

    @pytest.mark.parametrize(("source", "target"), ALL_MOVES)
    def test_a_guarded_update_exists_for_those_moves_alone(
        self, database: Database, source: JobStatus, target: JobStatus
    ) -> None:
        if (source, target) not in TRANSITIONS:
            with pytest.raises(AssertionError):
                _move(source, target)
            return
        job_ids = {status: insert_row(database, consistent_row(status)) for status in JobStatus}
        before = {status: row_of(database, job_id) for status, job_id in job_ids.items()}
        what_goes_with_it = consistent_row(target)
        values = {name: what_goes_with_it[name] for name in ("output_path", "error_message", "lease_token", "worker")}
        values["lease_expires_at"] = what_goes_with_it["lease_expires_at"]
        with database.writing() as session:
            moved = session.scalars(_move(source, target).values(**values).returning(Job.job_id)).all()
        assert moved == [job_ids[source]]
        for status, job_id in job_ids.items():
            expected = target if status is source else status
            assert row_of(database, job_id)["status"] == expected
            if status is not source:
                assert row_of(database, job_id) == before[status]

    def test_every_state_can_be_reached_and_a_completed_job_stays(self) -> None:
        reached, frontier = {JobStatus.PENDING}, {JobStatus.PENDING}
        while frontier:
            frontier = {target for source, target in TRANSITIONS if source in frontier} - reached
            reached |= frontier
        assert reached == set(JobStatus)
        assert not any(source is JobStatus.COMPLETED for source, _ in TRANSITIONS)
        assert all(source is not target for source, target in TRANSITIONS)

    def test_progress_is_coarse(self) -> None:
        assert PROGRESS == {"pending": 0.0, "running": 0.5, "completed": 1.0, "failed": 1.0}


MOMENT = datetime(2024, 1, 1, tzinfo=UTC)

INCONSISTENT: dict[str, tuple[JobStatus, dict[str, Any]]] = {
    "a fifth status": (JobStatus.PENDING, {"status": "cancelled"}),
    "a status in capitals": (JobStatus.PENDING, {"status": "PENDING"}),
    "an empty status": (JobStatus.PENDING, {"status": ""}),
    "no status": (JobStatus.PENDING, {"status": None}),
    "completed without results": (JobStatus.COMPLETED, {"output_path": None}),
    "pending with results": (JobStatus.PENDING, {"output_path": "x"}),
    "running with results": (JobStatus.RUNNING, {"output_path": "x"}),
    "failed with results": (JobStatus.FAILED, {"output_path": "x"}),
    "failed without a reason": (JobStatus.FAILED, {"error_message": None}),
    "pending with a reason": (JobStatus.PENDING, {"error_message": "x"}),
    "running with a reason": (JobStatus.RUNNING, {"error_message": "x"}),
    "completed with a reason": (JobStatus.COMPLETED, {"error_message": "x"}),
    "running without a lease": (JobStatus.RUNNING, {"lease_token": None, "lease_expires_at": None}),
    "running without a token": (JobStatus.RUNNING, {"lease_token": None}),
    "running for ever": (JobStatus.RUNNING, {"lease_expires_at": None}),
    "pending with a lease": (JobStatus.PENDING, {"lease_token": uuid4(), "lease_expires_at": MOMENT}),
    "completed with a lease": (JobStatus.COMPLETED, {"lease_token": uuid4(), "lease_expires_at": MOMENT}),
    "failed with a lease": (JobStatus.FAILED, {"lease_token": uuid4(), "lease_expires_at": MOMENT}),
    "pending with an end of a lease": (JobStatus.PENDING, {"lease_expires_at": MOMENT}),
    "completed with an end of a lease": (JobStatus.COMPLETED, {"lease_expires_at": MOMENT}),
    "fewer attempts than none": (JobStatus.PENDING, {"attempt": -1}),
    "no attempts": (JobStatus.PENDING, {"attempt": None}),
    "no time of creation": (JobStatus.PENDING, {"created_at": None}),
    "no time of change": (JobStatus.PENDING, {"updated_at": None}),
    "no video": (JobStatus.PENDING, {"input_path": None}),
    "no pipeline": (JobStatus.PENDING, {"pipeline": None}),
    "no definition": (JobStatus.PENDING, {"pipeline_definition": sa.null()}),
    "no options": (JobStatus.PENDING, {"options": sa.null()}),
    "no id": (JobStatus.PENDING, {"job_id": None}),
}


class TestConstraints:
    """The table itself refuses a job that contradicts itself, whoever writes it."""

    @pytest.mark.parametrize("status", list(JobStatus))
    def test_a_consistent_row_is_taken(self, database: Database, status: JobStatus) -> None:
        job_id = insert_row(database, consistent_row(status))
        assert row_of(database, job_id)["status"] == status

    @pytest.mark.parametrize(("status", "columns"), INCONSISTENT.values(), ids=INCONSISTENT.keys())
    def test_an_inconsistent_row_is_refused(
        self, database: Database, status: JobStatus, columns: dict[str, Any]
    ) -> None:
        with pytest.raises(IntegrityError):
            insert_row(database, consistent_row(status, **columns))
        job_id = insert_row(database, consistent_row(status))
        before = row_of(database, job_id)
        with pytest.raises(IntegrityError):
            update_row(database, job_id, **columns)
        assert row_of(database, job_id) == before

    def test_a_row_of_an_id_that_is_taken_is_refused(self, database: Database) -> None:
        job_id = insert_row(database, consistent_row(JobStatus.PENDING))
        with pytest.raises(IntegrityError):
            insert_row(database, consistent_row(JobStatus.FAILED, job_id=job_id))

    def test_the_model_refuses_an_unknown_status(self, store: JobStore) -> None:
        with pytest.raises((DBAPIError, LookupError, sa.exc.StatementError)):
            store.add(make_job(status="cancelled"))
