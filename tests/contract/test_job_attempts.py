"""What becomes of lost attempts (`jobs/store.py`): rests, causes, the end of the budget, and a person's retry."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.attempts import WORKER_LOST, AttemptPolicy
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from tests.support.concurrency import in_threads
from tests.support.job_moves import LEASE_S, added, claimed, completed, failed, lost, waiting_hints
from tests.support.job_rows import (
    changes,
    clock_of,
    consistent_row,
    insert_row,
    let_lease_run_out,
    let_rest_pass,
    row_of,
    update_row,
)

CRASH = "The analysis process was killed by signal 11 (SIGSEGV)"
TIMEOUT = "The analysis did not end within 60 s"
NO_LEASE = {"lease_token": None, "lease_expires_at": None, "worker": None}


def lose(database: Database, store: JobStore, job_id: UUID, cause: str) -> JobStatus | None:
    """Let a job that has rested lose one attempt; the worker itself says why, or it is gone."""
    let_rest_pass(database, job_id)
    lease = claimed(store, job_id)
    if cause != WORKER_LOST:
        return store.lose_attempt(lease, cause)
    let_lease_run_out(database, job_id)
    released, spent = store.expire_leases()
    return JobStatus.PENDING if released == [job_id] else JobStatus.FAILED if spent == [job_id] else None


def rest_of(database: Database, job_id: UUID, now: datetime) -> float:
    """Return how long a job rests, seen from ``now``."""
    until = row_of(database, job_id)["not_before"]
    assert isinstance(until, datetime)
    return (until - now).total_seconds()


class TestLosingAnAttempt:
    def test_the_job_rests_and_the_cause_is_kept(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        lease = claimed(store, added(store))
        waiting_hints(database_queue)
        before, now = row_of(database, lease.job_id), clock_of(database)
        assert store.lose_attempt(lease, CRASH) is JobStatus.PENDING
        after = row_of(database, lease.job_id)
        assert changes(before, after) == NO_LEASE | {
            "status": JobStatus.PENDING,
            "lost_attempts": CRASH,
            "not_before": after["not_before"],
            "updated_at": after["updated_at"],
        }
        assert 0 <= rest_of(database, lease.job_id, now) - AttemptPolicy().rest_s < 20
        assert now <= after["updated_at"] <= clock_of(database)

    def test_a_job_that_rests_is_hinted_at_and_one_that_failed_is_not(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        """So that a worker that waits learns of the rest, and when it is over."""
        job_id = added(store)
        waiting_hints(database_queue)
        for cause, hints in ((CRASH, [job_id]), (WORKER_LOST, [job_id]), (CRASH, [])):
            lose(database, store, job_id, cause)
            assert waiting_hints(database_queue) == hints

    def test_it_is_said_when_the_first_rest_is_over(self, database: Database, store: JobStore) -> None:
        assert store.rest_over_in_s() is None
        added(store)
        claimed(store, added(store))
        assert store.rest_over_in_s() is None
        for rest_s in (300, 60, 120):
            update_row(database, added(store), not_before=database_now(rest_s))
        assert 50 < (store.rest_over_in_s() or 0) <= 60

    def test_it_cannot_be_claimed_while_it_rests(self, database: Database, database_queue: DatabaseQueue) -> None:
        store = JobStore(database, database_queue, AttemptPolicy(rest_s=300))
        for cause in (CRASH, WORKER_LOST):
            job_id = added(store)
            lose(database, store, job_id, cause)
            assert store.claim(job_id, "other", LEASE_S) is None
            assert store.claim_next("other", LEASE_S) is None
            let_rest_pass(database, job_id)
            assert claimed(store, job_id, "other").attempt == 2

    @pytest.mark.parametrize("cause", [CRASH, WORKER_LOST])
    def test_rests_double_up_to_five_minutes(
        self, database: Database, database_queue: DatabaseQueue, cause: str
    ) -> None:
        store = JobStore(database, database_queue, AttemptPolicy(most=7, rest_s=40))
        job_id = added(store)
        for expected_s in (40, 80, 160, 300, 300, 300):
            now = clock_of(database)
            assert lose(database, store, job_id, cause) is JobStatus.PENDING
            assert 0 <= rest_of(database, job_id, now) - expected_s < 20

    def test_without_rest_it_can_be_claimed_at_once(self, database: Database, database_queue: DatabaseQueue) -> None:
        store = JobStore(database, database_queue, AttemptPolicy(rest_s=0))
        lease = claimed(store, added(store))
        assert store.lose_attempt(lease, CRASH) is JobStatus.PENDING
        claim = store.claim_next("other", LEASE_S)
        assert claim is not None
        assert claim.lease.attempt == 2

    @pytest.mark.parametrize(
        ("causes", "message"),
        [
            ([CRASH], f"{CRASH}."),
            ([f"{CRASH}."], f"{CRASH}."),
            ([WORKER_LOST], f"{WORKER_LOST}."),
            ([CRASH, CRASH], f"{CRASH} twice."),
            ([CRASH, CRASH, CRASH], f"{CRASH} three times."),
            ([WORKER_LOST] * 3, f"{WORKER_LOST} three times."),
            ([CRASH, f"{CRASH}.", CRASH], f"{CRASH} three times."),
            ([CRASH, TIMEOUT, CRASH], f"{CRASH} twice; {TIMEOUT} once."),
            ([WORKER_LOST, CRASH, TIMEOUT], f"{WORKER_LOST} once; {CRASH} once; {TIMEOUT} once."),
            ([CRASH, TIMEOUT, WORKER_LOST], f"{CRASH} once; {TIMEOUT} once; {WORKER_LOST} once."),
            (["Two\nlines", "Two\r\nlines", " Two  lines "], "Two lines three times."),
            (["A\0b", "A\udcffb"], "A\N{REPLACEMENT CHARACTER}b once; A?b once."),
            (["100% 'quoted' \"視頻\""] * 2, "100% 'quoted' \"視頻\" twice."),
        ],
    )
    def test_when_none_is_left_it_fails_and_says_why(
        self,
        database: Database,
        database_queue: DatabaseQueue,
        causes: list[str],
        message: str,
    ) -> None:
        store = JobStore(database, database_queue, AttemptPolicy(most=len(causes)))
        job_id = added(store)
        for cause in causes[:-1]:
            assert lose(database, store, job_id, cause) is JobStatus.PENDING
        before = row_of(database, job_id)
        assert lose(database, store, job_id, causes[-1]) is JobStatus.FAILED
        row = row_of(database, job_id)
        assert {name: row[name] for name in NO_LEASE} == NO_LEASE
        assert (row["status"], row["attempt"]) == (JobStatus.FAILED, len(causes))
        assert row["error_message"] == message
        assert row["updated_at"] >= before["updated_at"]

    def test_more_attempts_lost_than_allowed_now(self, database: Database, database_queue: DatabaseQueue) -> None:
        """The setting was lowered meanwhile."""
        row = consistent_row(JobStatus.RUNNING, attempt=4, lost_attempts="\n".join([CRASH] * 3))
        lease = lease_of(row)
        insert_row(database, row)
        assert JobStore(database, database_queue).lose_attempt(lease, CRASH) is JobStatus.FAILED
        assert row_of(database, row["job_id"])["error_message"] == f"{CRASH} four times."

    def test_other_jobs_are_left_alone(self, database: Database, store: JobStore) -> None:
        others = [claimed(store, added(store)).job_id, added(store), completed(store), failed(store)]
        before = [row_of(database, job_id) for job_id in others]
        store.lose_attempt(claimed(store, added(store)), CRASH)
        assert [row_of(database, job_id) for job_id in others] == before

    @pytest.mark.parametrize("most", [1, 100])
    def test_a_lost_lease_counts_for_nothing(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue, most: int
    ) -> None:
        stale = lost(database, store)
        for _ in range(2):
            before = row_of(database, stale.job_id)
            assert JobStore(database, database_queue, AttemptPolicy(most=most)).lose_attempt(stale, CRASH) is None
            assert row_of(database, stale.job_id) == before
            store.claim(stale.job_id, "other", LEASE_S)

    def test_said_many_times_at_once_it_counts_once(self, database: Database, store: JobStore) -> None:
        lease = claimed(store, added(store))
        answers = in_threads(4, lambda _: store.lose_attempt(lease, CRASH))
        assert sorted(answers, key=str) == [None, None, None, JobStatus.PENDING]
        assert row_of(database, lease.job_id)["lost_attempts"] == CRASH


def lease_of(row: dict[str, Any]) -> Lease:
    """Return the lease of a row that was put into the table as it is."""
    return Lease(row["job_id"], row["lease_token"], row["attempt"])


class TestExpiry:
    def test_a_lost_job_is_handed_back(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        before = row_of(database, job_id)
        claimed(store, job_id)
        let_lease_run_out(database, job_id)
        now = clock_of(database)
        assert store.expire_leases() == ([job_id], [])
        after = row_of(database, job_id)
        assert changes(before, after) == {
            "attempt": 1,
            "lost_attempts": WORKER_LOST,
            "not_before": after["not_before"],
            "started_at": after["started_at"],
            "updated_at": after["updated_at"],
        }
        assert 0 <= rest_of(database, job_id, now) - AttemptPolicy().rest_s < 20

    def test_a_job_fails_when_its_attempts_ran_out(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        waiting_hints(database_queue)
        for attempt in (1, 2, 3):
            let_rest_pass(database, job_id)
            assert claimed(store, job_id).attempt == attempt
            let_lease_run_out(database, job_id)
            expected = ([job_id], []) if attempt < 3 else ([], [job_id])
            assert store.expire_leases() == expected
            assert waiting_hints(database_queue) == expected[0]
        row = row_of(database, job_id)
        assert (row["status"], row["attempt"]) == (JobStatus.FAILED, 3)
        assert {name: row[name] for name in NO_LEASE} == NO_LEASE
        assert row["error_message"] == "The worker was lost (it was killed, or its machine stopped) three times."

    def test_it_is_said_when_the_first_lease_is_over(self, database: Database, store: JobStore) -> None:
        assert store.lease_over_in_s() is None
        lease, later = claimed(store, added(store)), claimed(store, added(store))
        store.renew(later, 600)
        assert 0 < (store.lease_over_in_s() or 0) <= LEASE_S
        store.complete(lease, "video_results/x.json")
        assert LEASE_S < (store.lease_over_in_s() or 0) <= 600
        let_lease_run_out(database, later.job_id)
        assert (store.lease_over_in_s() or 0) < 0

    def test_what_is_not_lost_stays_as_it_is(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        rows = [consistent_row(status) for status in JobStatus]
        job_ids = [insert_row(database, row) for row in rows]
        job_ids += [claimed(store, added(store)).job_id, lost(database, store).job_id]
        before = [row_of(database, job_id) for job_id in job_ids]
        assert JobStore(database, database_queue, AttemptPolicy(most=1)).expire_leases() == ([], [])
        assert [row_of(database, job_id) for job_id in job_ids] == before

    def test_all_of_them_at_once_each_with_its_own_causes_and_rest(self, database: Database, store: JobStore) -> None:
        first = [claimed(store, added(store)).job_id for _ in range(3)]
        second = insert_row(database, consistent_row(JobStatus.RUNNING, attempt=2, lost_attempts=CRASH))
        spent = insert_row(database, consistent_row(JobStatus.RUNNING, attempt=3, lost_attempts=f"{CRASH}\n{CRASH}"))
        older = insert_row(database, consistent_row(JobStatus.RUNNING, attempt=4, lost_attempts=None))
        kept = claimed(store, added(store)).job_id
        for job_id in [*first, second, spent, older]:
            let_lease_run_out(database, job_id)
        now = clock_of(database)
        handed_back, ended = store.expire_leases()
        assert sorted(handed_back, key=str) == sorted([*first, second], key=str)
        assert sorted(ended, key=str) == sorted([spent, older], key=str)
        for job_id in first:
            assert row_of(database, job_id)["lost_attempts"] == WORKER_LOST
            assert 0 <= rest_of(database, job_id, now) - 2 < 20
        assert row_of(database, second)["lost_attempts"] == f"{CRASH}\n{WORKER_LOST}"
        assert row_of(database, second)["not_before"] > row_of(database, first[0])["not_before"]
        assert row_of(database, spent)["error_message"] == f"{CRASH} twice; {WORKER_LOST} once."
        assert row_of(database, older)["error_message"] == f"{WORKER_LOST}."
        assert row_of(database, kept)["status"] == JobStatus.RUNNING

    def test_of_several_rescuers_one_hands_each_back(self, database: Database, store: JobStore) -> None:
        job_ids = [claimed(store, added(store)).job_id for _ in range(6)]
        for job_id in job_ids:
            let_lease_run_out(database, job_id)
        answers = in_threads(4, lambda _: store.expire_leases())
        assert sorted((job_id for released, _ in answers for job_id in released), key=str) == sorted(job_ids, key=str)
        assert all(not ended for _, ended in answers)
        assert {row_of(database, job_id)["lost_attempts"] for job_id in job_ids} == {WORKER_LOST}

    def test_doing_it_again_changes_nothing(self, database: Database, store: JobStore) -> None:
        job_id = lost(database, store).job_id
        before = row_of(database, job_id)
        assert store.expire_leases() == ([], [])
        assert row_of(database, job_id) == before


class TestRetrying:
    def test_a_failed_job_begins_again_with_all_its_attempts(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = added(store)
        before = row_of(database, job_id)
        for cause in (CRASH, WORKER_LOST, CRASH):
            lose(database, store, job_id, cause)
        waiting_hints(database_queue)
        assert row_of(database, job_id)["status"] == JobStatus.FAILED
        assert store.retry(job_id)
        after = row_of(database, job_id)
        assert changes(before, after).keys() == {"updated_at", "started_at", "not_before"}
        assert waiting_hints(database_queue) == [job_id]
        for cause, status in [(CRASH, JobStatus.PENDING), (CRASH, JobStatus.PENDING), (CRASH, JobStatus.FAILED)]:
            assert lose(database, store, job_id, cause) is status
        assert row_of(database, job_id)["error_message"] == f"{CRASH} three times."

    def test_it_need_not_rest(self, database: Database, store: JobStore) -> None:
        job_id = failed(store)
        update_row(database, job_id, not_before=database_now(30))
        assert store.retry(job_id)
        assert claimed(store, job_id).attempt == 1

    def test_it_keeps_its_place_among_those_that_wait(self, database: Database, store: JobStore) -> None:
        old, new = failed(store), added(store)
        update_row(database, old, created_at=database_now(-10))
        store.retry(old)
        for expected in (old, new):
            claim = store.claim_next("one", LEASE_S)
            assert claim is not None
            assert claim.lease.job_id == expected

    @pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.FAILED])
    def test_only_a_failed_job_can_be_retried(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue, status: JobStatus
    ) -> None:
        job_id = insert_row(database, consistent_row(status))
        before = row_of(database, job_id)
        assert not store.retry(job_id)
        assert not store.retry(uuid4())
        assert row_of(database, job_id) == before
        assert database_queue.size() == 0

    def test_asked_for_many_times_at_once_it_is_retried_once(
        self, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        job_id = failed(store)
        waiting_hints(database_queue)
        assert sorted(in_threads(6, lambda _: store.retry(job_id))) == [False] * 5 + [True]
        assert waiting_hints(database_queue) == [job_id]

    def test_the_worker_that_let_it_fail_can_write_nothing_more(self, database: Database, store: JobStore) -> None:
        lease = claimed(store, added(store))
        store.fail(lease, "It broke.")
        store.retry(lease.job_id)
        before = row_of(database, lease.job_id)
        assert not store.complete(lease, "stale")
        assert store.lose_attempt(lease, CRASH) is None
        assert row_of(database, lease.job_id) == before
