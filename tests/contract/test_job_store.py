"""What the job table promises (`jobs/store.py`) of jobs that come, end and move, on SQLite and on PostgreSQL."""

from collections.abc import Callable
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
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.lifecycle import PROGRESS, TRANSITIONS, JobStatus
from reelwork.jobs.model import Job
from reelwork.jobs.statements import _move
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from tests.support.job_moves import LEASE_S, DownQueue, added, claimed, failed, waiting_hints
from tests.support.job_rows import changes, clock_of, consistent_row, insert_row, let_rest_pass, row_of, update_row
from tests.support.jobs import make_job


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
            "source": None,
            "report": None,
            "owner": None,
            "external_id": None,
            "input_bytes": None,
            "retention_s": None,
            "expires_at": None,
            "started_at": None,
            "webhook_url": None,
            "webhook_due_at": None,
            "webhook_attempts": 0,
            "attempt": 0,
            "lost_attempts": None,
            "not_before": None,
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
            def enqueue_within(self, transaction: Any, job_id: UUID) -> None:
                super().enqueue_within(transaction, job_id)
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

    def test_many_are_got_at_once(self, store: JobStore) -> None:
        job_ids = [added(store) for _ in range(3)]
        found = store.get_many([job_ids[0], uuid4(), job_ids[2]])
        assert {job_id: job.job_id for job_id, job in found.items()} == {job_ids[0]: job_ids[0], job_ids[2]: job_ids[2]}
        assert store.get_many([]) == {}


class TestAQueueElsewhere:
    """A queue that cannot take part in the transaction of the job."""

    def test_a_hint_comes_after_the_commit(self, database: Database) -> None:
        class LookingQueue(MemoryQueue):
            def enqueue(self, job_id: UUID) -> None:
                seen.append(JobStore(database, queue).get(job_id))
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

    def test_what_can_be_claimed_again_is_hinted_at(self, database: Database) -> None:
        queue = MemoryQueue()
        store = JobStore(database, queue)
        released, retried = added(store), failed(store)
        waiting_hints(queue)
        store.release(claimed(store, released))
        assert waiting_hints(queue) == [released]
        store.retry(retried)
        assert waiting_hints(queue) == [retried]

    def test_one_that_is_down_loses_no_job(self, database: Database) -> None:
        store = JobStore(database, DownQueue())
        job_id = added(store)
        assert store.release(claimed(store, job_id))
        assert row_of(database, job_id)["status"] == JobStatus.PENDING
        assert store.fail(claimed(store, job_id), "It broke.")
        assert store.retry(job_id)
        claim = store.claim_next("one", LEASE_S)
        assert claim is not None
        assert claim.lease.job_id == job_id


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

    @pytest.mark.parametrize(
        ("quoted", "kept"),
        [("a\0b", "a\N{REPLACEMENT CHARACTER}b"), ("a\udcffb", "a?b"), ("two\nlines", "two\nlines"), ("", "")],
        ids=["NUL", "half a character", "lines", "nothing"],
    )
    def test_a_reason_may_quote_anything(self, database: Database, store: JobStore, quoted: str, kept: str) -> None:
        assert row_of(database, failed(store, quoted))["error_message"] == kept

    def test_releasing_hands_it_back_unharmed(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        waiting_hints(database_queue)
        before = row_of(database, job_id)
        assert store.release(claimed(store, job_id))
        after = row_of(database, job_id)
        assert changes(before, after).keys() == {"updated_at", "started_at", "not_before"}
        assert after["not_before"] == after["updated_at"] or not database.is_sqlite, "it waits from now on"
        assert after["updated_at"] > before["updated_at"]
        assert waiting_hints(database_queue) == [job_id]
        assert claimed(store, job_id).attempt == 1

    def test_releasing_again_and_again_costs_no_attempt(self, database: Database, store: JobStore) -> None:
        job_id = added(store)
        for _ in range(AttemptPolicy().most + 2):
            assert store.release(claimed(store, job_id))
        assert row_of(database, job_id)["attempt"] == 0

    def test_releasing_forgives_no_attempt_lost_before(self, database: Database, store: JobStore) -> None:
        lease = claimed(store, added(store))
        store.lose_attempt(lease, "It crashed")
        let_rest_pass(database, lease.job_id)
        store.release(claimed(store, lease.job_id))
        row = row_of(database, lease.job_id)
        assert (row["attempt"], row["lost_attempts"]) == (1, "It crashed")

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


ALL_MOVES = list(product(JobStatus, JobStatus))


class TestTransitions:
    """The table of moves is said once; the store makes those moves and no other."""

    def operations(self, database: Database, row: dict[str, Any]) -> dict[str, Callable[[], object]]:
        queue = DatabaseQueue(database)
        store = JobStore(database, queue, AttemptPolicy(most=100))
        strict = JobStore(database, queue, AttemptPolicy(most=1))
        lease = Lease(row["job_id"], row["lease_token"] or uuid4(), row["attempt"])
        return {
            "claim": lambda: store.claim(row["job_id"], "one", LEASE_S),
            "claim the next": lambda: store.claim_next("one", LEASE_S),
            "renew": lambda: store.renew(lease, LEASE_S),
            "complete": lambda: store.complete(lease, "x"),
            "fail": lambda: store.fail(lease, "x"),
            "release": lambda: store.release(lease),
            "lose an attempt, some left": lambda: store.lose_attempt(lease, "x"),
            "lose an attempt, none left": lambda: strict.lose_attempt(lease, "x"),
            "expire, some left": store.expire_leases,
            "expire, none left": strict.expire_leases,
            "retry": lambda: store.retry(row["job_id"]),
            "delete": lambda: store.delete(row["job_id"]),
            "delete what is finished": lambda: store.delete_finished(0, 10),
            "add again": lambda: self.add_again(store, row["job_id"]),
        }

    def add_again(self, store: JobStore, job_id: UUID) -> None:
        with suppress(IntegrityError):
            store.add(make_job(job_id))

    def test_the_store_makes_the_moves_of_the_table(self, database: Database, store: JobStore) -> None:
        seen: dict[tuple[JobStatus, JobStatus], set[str]] = {}
        for status in JobStatus:
            for name in self.operations(database, consistent_row(status)):
                row = consistent_row(status)
                if row["lease_token"]:
                    row["lease_expires_at"] = row["created_at"]
                insert_row(database, row)
                self.operations(database, row)[name]()
                after = store.get(row["job_id"])
                if after and after.status is not status:
                    seen.setdefault((status, after.status), set()).add(name)
                with database.writing() as transaction:
                    transaction.execute(sa.delete(Job))
        assert seen == {
            (JobStatus.PENDING, JobStatus.RUNNING): {"claim", "claim the next"},
            (JobStatus.RUNNING, JobStatus.COMPLETED): {"complete"},
            (JobStatus.RUNNING, JobStatus.FAILED): {"fail", "lose an attempt, none left", "expire, none left"},
            (JobStatus.RUNNING, JobStatus.PENDING): {"release", "lose an attempt, some left", "expire, some left"},
            (JobStatus.FAILED, JobStatus.PENDING): {"retry"},
        }
        assert set(seen) == set(TRANSITIONS)

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
        with database.writing() as transaction:
            moved = transaction.scalars(_move(source, target).values(**values).returning(Job.job_id)).all()
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
