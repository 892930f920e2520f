"""What the store keeps of what a client says of its jobs, and how it finds them again (`jobs/store.py`)."""

from uuid import uuid4

import pytest
import sqlalchemy as sa

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.listing import JobFilter
from reelwork.jobs.model import JobTag
from reelwork.jobs.store import JobStore, StoredFiles
from tests.support.databases import rows
from tests.support.job_moves import claimed
from tests.support.job_rows import row_of, update_row
from tests.support.jobs import make_job


class TestTags:
    def test_they_come_and_go_with_the_job(self, database: Database, store: JobStore) -> None:
        job = make_job(external_id="mine")
        store.add(job, ["two words", "ä", "b"])
        assert set(store.tags_of(job.job_id)) == {"two words", "ä", "b"}
        [listed] = store.page(JobFilter(tag="ä"), 10).jobs
        assert (listed.job_id, set(listed.tags), listed.external_id) == (job.job_id, {"two words", "ä", "b"}, "mine")
        store.delete(job.job_id)
        assert rows(database, "SELECT * FROM job_tag") == []

    def test_they_say_when_the_job_was_made(self, database: Database, store: JobStore) -> None:
        job = make_job()
        store.add(job, ["a", "b"])
        with database.reading() as transaction:
            moments = set(transaction.scalars(sa.select(JobTag.created_at)))
        assert moments == {row_of(database, job.job_id)["created_at"]}

    def test_without_the_job_there_are_none(self, database: Database, store: JobStore) -> None:
        with pytest.raises(Exception, match=r".*"):
            store.add(make_job(), ["a", "a"])  # each is given once
        assert rows(database, "SELECT * FROM job_tag") == rows(database, "SELECT * FROM job") == []

    def test_a_job_without(self, store: JobStore) -> None:
        job = make_job()
        store.add(job)
        assert store.tags_of(job.job_id) == store.tags_of(uuid4()) == ()


class TestExpiring:
    def test_the_first_ones_first_so_many_at_once(self, database: Database, store: JobStore) -> None:
        jobs = [make_job(retention_s=60.0) for _ in range(4)]
        for job in jobs:
            store.add(job)
            assert store.fail(claimed(store, job.job_id), "It broke.")
        for number, job in enumerate(jobs[:3]):
            update_row(database, job.job_id, expires_at=database_now(-100 + number))
        files = [StoredFiles(job.job_id, job.input_path, None) for job in jobs]
        assert set(store.delete_expired(2)) == set(files[:2])
        assert store.delete_expired(2) == [files[2]]
        assert store.delete_expired(2) == []
        assert store.get(jobs[3].job_id) is not None

    def test_each_ended_job_goes_by_one_rule(self, database: Database, store: JobStore) -> None:
        for retention_s in (None, 60.0):
            job = make_job(retention_s=retention_s)
            store.add(job)
            assert store.complete(claimed(store, job.job_id), "video_results/x/y.json")
            update_row(database, job.job_id, updated_at=database_now(-1000))
        [gone] = store.delete_finished(10, 10)
        assert gone.job_id != job.job_id
        assert store.delete_expired(10) == []


class TestRecentRuns:
    def test_what_completed_jobs_of_the_pipeline_took(self, database: Database, store: JobStore) -> None:
        for pipeline, report in (("a", {"frames": 7}), ("a", None), ("a", {"warnings": []}), ("b", {"frames": 9})):
            job = make_job(pipeline=pipeline)
            store.add(job)
            assert store.complete(claimed(store, job.job_id), "video_results/x/y.json", report)
            update_row(database, job.job_id, started_at=database_now(-100), updated_at=database_now(-90))
        [run] = store.recent_runs("a")
        assert run.frames == 7
        assert run.seconds == pytest.approx(10, abs=0.1)
        assert store.recent_runs("c") == []

    def test_failed_ones_do_not_count(self, store: JobStore) -> None:
        job = make_job(pipeline="a")
        store.add(job)
        assert store.fail(claimed(store, job.job_id), "It broke.")
        assert store.recent_runs("a") == []
