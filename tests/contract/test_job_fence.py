"""The fence of the job table: a worker that lost its lease changes nothing. Taken out, these checks go red."""

from collections.abc import Callable
from uuid import UUID

import pytest

from reelwork.db.engine import Database
from reelwork.jobs import statements
from reelwork.jobs import store as job_store
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from tests.support.concurrency import in_threads
from tests.support.in_process.mutation import FENCE, NO_FENCE, mutated
from tests.support.job_moves import LEASE_S, WRITES, added, claimed, lost, tried, waiting_hints
from tests.support.job_rows import let_lease_run_out, row_of


def check_that_a_stale_owner_changes_nothing(database: Database, store: JobStore, write: str) -> None:
    """A worker is paused, its job is given to another, and it wakes up while the other works."""
    stale = lost(database, store)
    owner = claimed(store, stale.job_id, "other")
    before = row_of(database, stale.job_id)
    assert not WRITES[write](store, stale)
    assert row_of(database, stale.job_id) == before
    assert store.complete(owner, "video_results/other.json")
    assert row_of(database, stale.job_id)["output_path"] == "video_results/other.json"


@pytest.mark.parametrize("write", WRITES)
def test_a_stale_owner_changes_nothing(database: Database, store: JobStore, write: str) -> None:
    check_that_a_stale_owner_changes_nothing(database, store, write)


class TestWithTheFenceTakenOut:
    @pytest.mark.parametrize("write", WRITES)
    def test_the_check_goes_red(self, database: Database, store: JobStore, write: str) -> None:
        with mutated(statements, FENCE, NO_FENCE), pytest.raises(AssertionError):
            check_that_a_stale_owner_changes_nothing(database, store, write)

    def test_the_damage_is_what_the_check_is_there_for(self, database: Database, store: JobStore) -> None:
        """The paused worker's results are shown, and the work of the job's owner is thrown away."""
        stale = lost(database, store)
        owner = claimed(store, stale.job_id, "other")
        with mutated(statements, FENCE, NO_FENCE):
            assert store.complete(stale, "stale")
            assert not store.complete(owner, "video_results/other.json")
        assert row_of(database, stale.job_id)["output_path"] == "stale"

    def test_the_number_of_the_attempt_is_no_token(self, store: JobStore) -> None:
        """It comes again, as soon as an attempt was handed back or the job was retried."""
        stale = claimed(store, added(store), "paused")
        store.release(stale)
        owner = claimed(store, stale.job_id, "other")
        assert stale.attempt == owner.attempt
        assert not store.complete(stale, "stale")
        with (
            mutated(statements, FENCE, '_job.attempt == bindparam("token")'),
            mutated(job_store, '"token": lease.token', '"token": lease.attempt'),
        ):
            assert store.complete(stale, "stale")


class TestTheFence:
    """A worker that lost its lease can change nothing, whatever has become of the job since."""

    @pytest.fixture
    def stale(self, database: Database, store: JobStore) -> Lease:
        """A lease that ran out, of a job that was handed back."""
        return lost(database, store)

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
        self, database: Database, store: JobStore, database_queue: DatabaseQueue, stale: Lease, status: JobStatus
    ) -> None:
        self.move_on(store, stale.job_id, status)
        waiting_hints(database_queue)
        before = row_of(database, stale.job_id)
        assert before["status"] == status
        assert not any(tried(store, stale).values())
        assert row_of(database, stale.job_id) == before
        assert database_queue.size() == 0

    def test_the_worker_that_has_it_now_is_not_disturbed(self, store: JobStore, stale: Lease) -> None:
        lease = claimed(store, stale.job_id, "other")
        tried(store, stale)
        assert store.renew(lease, LEASE_S)
        assert store.complete(lease, "video_results/other.json")

    def test_a_lease_is_for_one_job(self, database: Database, store: JobStore) -> None:
        one, other = claimed(store, added(store)), claimed(store, added(store))
        before = row_of(database, other.job_id)
        assert not any(tried(store, Lease(other.job_id, one.token, 1)).values())
        assert row_of(database, other.job_id) == before

    @pytest.mark.parametrize(
        "end",
        [
            lambda store, lease: store.complete(lease, "first"),
            lambda store, lease: store.fail(lease, "first"),
            lambda store, lease: store.release(lease),
            lambda store, lease: store.lose_attempt(lease, "first") is not None,
        ],
        ids=["complete", "fail", "release", "lose_attempt"],
    )
    def test_a_lease_ends_with_what_it_was_for(
        self, database: Database, store: JobStore, end: Callable[[JobStore, Lease], bool]
    ) -> None:
        lease = claimed(store, added(store))
        assert end(store, lease)
        before = row_of(database, lease.job_id)
        assert not any(tried(store, lease).values())
        assert row_of(database, lease.job_id) == before

    def test_a_lease_that_ran_out_counts_until_it_is_taken_away(self, database: Database, store: JobStore) -> None:
        lease = claimed(store, added(store))
        let_lease_run_out(database, lease.job_id)
        assert store.renew(lease, LEASE_S)
        assert store.expire_leases() == ([], [])
        assert store.complete(lease, "video_results/x.json")

    def test_of_worker_and_rescuer_one_wins(self, database: Database, store: JobStore) -> None:
        for _ in range(8):
            lease = claimed(store, added(store))
            let_lease_run_out(database, lease.job_id)
            completed, rescued = in_threads(
                2,
                lambda number, lease=lease: store.expire_leases() if number else store.complete(lease, "done"),  # type: ignore[misc]
            )
            released, failed = rescued
            status = row_of(database, lease.job_id)["status"]
            assert failed == []
            assert (completed, list(released), status) in [
                (True, [], JobStatus.COMPLETED),
                (False, [lease.job_id], JobStatus.PENDING),
            ]

    def test_of_a_worker_that_gives_up_and_a_rescuer_one_counts_the_attempt(
        self, database: Database, store: JobStore
    ) -> None:
        for _ in range(8):
            lease = claimed(store, added(store))
            let_lease_run_out(database, lease.job_id)
            in_threads(
                2,
                lambda number, lease=lease: (
                    store.expire_leases() if number else store.lose_attempt(lease, "It crashed")
                ),  # type: ignore[misc]
            )
            row = row_of(database, lease.job_id)
            assert (row["status"], row["attempt"]) == (JobStatus.PENDING, 1)
            assert len(row["lost_attempts"].splitlines()) == 1
