"""How jobs are removed (`jobs/store.py`): one by a person in whatever status, finished ones when they are old."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import Job
from reelwork.jobs.statements import _move
from reelwork.jobs.store import JobStore, StoredFiles
from reelwork.queues.database import DatabaseQueue
from tests.support.concurrency import in_threads
from tests.support.databases import rows, run
from tests.support.job_moves import LEASE_S, added, claimed, completed, failed, lost, tried, waiting_hints
from tests.support.job_rows import consistent_row, grow_old, insert_row, let_lease_run_out, row_of
from tests.support.waiting import wait_until

ENDED = [JobStatus.COMPLETED, JobStatus.FAILED]


class TestDeleting:
    @pytest.mark.parametrize("status", list(JobStatus))
    def test_in_whatever_status(self, database: Database, store: JobStore, status: JobStatus) -> None:
        row = consistent_row(status)
        others = [insert_row(database, consistent_row(other)) for other in JobStatus]
        before = [row_of(database, job_id) for job_id in others]
        insert_row(database, row)
        assert store.delete(row["job_id"]) == StoredFiles(row["job_id"], row["input_path"], row["output_path"])
        assert store.get(row["job_id"]) is None
        assert [row_of(database, job_id) for job_id in others] == before

    def test_a_job_there_is_not(self, store: JobStore) -> None:
        job_id = failed(store)
        assert store.delete(uuid4()) is None
        assert store.delete(job_id) is not None
        assert store.delete(job_id) is None

    def test_the_worker_that_runs_it_can_do_nothing_more(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        lease = claimed(store, added(store))
        waiting_hints(database_queue)
        store.delete(lease.job_id)
        assert not any(tried(store, lease).values())
        assert store.get(lease.job_id) is None
        assert database_queue.size() == 0

    def test_nor_does_a_rescuer_bring_it_back(
        self, database: Database, store: JobStore, database_queue: DatabaseQueue
    ) -> None:
        stale, running = lost(database, store), claimed(store, added(store))
        let_lease_run_out(database, running.job_id)
        for lease in (stale, running):
            store.delete(lease.job_id)
        assert store.expire_leases() == ([], [])
        assert rows(database, "SELECT * FROM job") == []

    def test_its_hint_leads_nowhere(self, store: JobStore, database_queue: DatabaseQueue) -> None:
        job_id = added(store)
        store.delete(job_id)
        for hint in waiting_hints(database_queue):
            assert store.claim(hint, "one", LEASE_S) is None
        assert store.claim_next("one", LEASE_S) is None
        assert not store.retry(job_id)

    def test_of_many_at_once_one_is_told_the_files(self, store: JobStore) -> None:
        job_id = completed(store)
        answers = in_threads(6, lambda _: store.delete(job_id))
        assert [files.job_id for files in answers if files] == [job_id]

    def test_at_the_moment_of_its_completion(self, database: Database, store: JobStore) -> None:
        """Whoever comes first: no row is left, and if the results were shown, the deleter is told of them."""
        for _ in range(8):
            lease = claimed(store, added(store))
            done, files = in_threads(
                2,
                lambda number, lease=lease: (  # type: ignore[misc]
                    store.delete(lease.job_id) if number else store.complete(lease, "video_results/x.json")
                ),
            )
            assert store.get(lease.job_id) is None
            assert files.output_path == ("video_results/x.json" if done else None)


def removed(files: list[StoredFiles]) -> set[UUID]:
    """Return whose files these are."""
    return {each.job_id for each in files}


class TestDeletingFinishedJobs:
    def test_those_that_ended_long_enough_ago(self, database: Database, store: JobStore) -> None:
        old, new = [completed(store), failed(store)], [completed(store), failed(store)]
        paths = {job_id: row_of(database, job_id)["output_path"] for job_id in old}
        for job_id in old:
            grow_old(database, job_id, 3700)
        for job_id in new:
            grow_old(database, job_id, 3500)
        answer = store.delete_finished(3600, 10)
        assert sorted(answer, key=str) == sorted(
            (StoredFiles(job_id, f"video_jobs/{job_id}.mp4", paths[job_id]) for job_id in old), key=str
        )
        assert all(store.get(job_id) is None for job_id in old)
        assert all(store.get(job_id) is not None for job_id in new)
        assert store.delete_finished(3600, 10) == []

    def test_it_is_the_end_that_counts(self, database: Database, store: JobStore) -> None:
        """A job that waited for a week and has just ended is new."""
        moment = datetime(2024, 1, 1, tzinfo=UTC)
        job_id = added(store, created_at=moment)
        store.complete(claimed(store, job_id), "x")
        assert store.delete_finished(60, 10) == []
        assert [each.job_id for each in store.delete_finished(-60, 10)] == [job_id]

    def test_the_oldest_first_and_so_many_at_once(self, database: Database, store: JobStore) -> None:
        run(database, "DROP INDEX ix_job_finished")  # which may give the order by chance
        job_ids = [completed(store), failed(store), completed(store), failed(store), completed(store)]
        for age_s, job_id in zip((300, 500, 100, 400, 200), job_ids, strict=True):
            grow_old(database, job_id, age_s)
        assert removed(store.delete_finished(50, 0)) == set()
        assert removed(store.delete_finished(50, 2)) == {job_ids[1], job_ids[3]}
        assert removed(store.delete_finished(50, 2)) == {job_ids[0], job_ids[4]}
        assert removed(store.delete_finished(50, 2)) == {job_ids[2]}

    @pytest.mark.parametrize("status", list(JobStatus))
    def test_never_one_that_has_not_ended(self, database: Database, store: JobStore, status: JobStatus) -> None:
        job_id = insert_row(database, consistent_row(status))  # of years ago
        assert removed(store.delete_finished(0, 10)) == ({job_id} if status in ENDED else set())
        assert (store.get(job_id) is None) == (status in ENDED)

    def test_a_lost_job_that_waits_again_is_kept(self, database: Database, store: JobStore) -> None:
        job_ids = [lost(database, store).job_id, failed(store)]
        store.retry(job_ids[1])
        for job_id in job_ids:
            grow_old(database, job_id, 10**6)
        assert store.delete_finished(0, 10) == []

    def test_of_many_at_once_one_is_told_the_files_of_each(self, database: Database, store: JobStore) -> None:
        job_ids = [insert_row(database, consistent_row(ENDED[number % 2])) for number in range(40)]
        answers = in_threads(4, lambda _: store.delete_finished(0, 100))
        told = [each.job_id for answer in answers for each in answer]
        assert sorted(told, key=str) == sorted(job_ids, key=str)

    def test_of_it_and_a_retry_one_wins(self, database: Database, store: JobStore) -> None:
        for _ in range(8):
            job_id = failed(store)
            grow_old(database, job_id, 100)
            retried, files = in_threads(
                2,
                lambda number, job_id=job_id: store.delete_finished(50, 10) if number else store.retry(job_id),  # type: ignore[misc]
            )
            job = store.get(job_id)
            assert (retried, removed(files), job and job.status) in [
                (True, set(), JobStatus.PENDING),
                (False, {job_id}, None),
            ]

    def test_one_whose_retry_is_about_to_be_committed_is_kept(self, postgresql_database: Database) -> None:
        """The deletion has chosen the job and waits for its row; then it must look again."""
        store = JobStore(postgresql_database, DatabaseQueue(postgresql_database))
        job_id = failed(store)
        grow_old(postgresql_database, job_id, 100)

        with ThreadPoolExecutor(1) as pool:
            with postgresql_database.writing() as transaction:
                retrying = _move(JobStatus.FAILED, JobStatus.PENDING).where(Job.job_id == job_id)
                transaction.execute(retrying.values(attempt=0, error_message=None))
                deleting = pool.submit(store.delete_finished, 50, 10)
                wait_until(lambda: waits_for_a_row(postgresql_database))
            assert deleting.result(60) == []
        assert row_of(postgresql_database, job_id)["status"] == JobStatus.PENDING


def waits_for_a_row(database: Database) -> bool:
    """Tell whether a statement on this PostgreSQL database waits for a lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(rows(database, waiting))
