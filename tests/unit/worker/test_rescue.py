"""One pass repairs all there is to repair, and says what it did."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import video_key
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.rescue import Rescue, Rescued
from reelwork.worker.retention import Retention
from tests.support.job_rows import let_lease_run_out, update_row
from tests.support.waiting import wait_until
from tests.unit.worker.conftest import HOUR_S, Jobs


@pytest.fixture
def make_rescue(store: JobStore, storage: LocalStorage) -> Callable[..., Rescue]:
    def make(retention_s: float = 0.0) -> Rescue:
        orphaned, retention = OrphanedFiles(store, storage, HOUR_S), Retention(store, storage, retention_s)
        return Rescue(store, orphaned, retention, lease_s=30, retention_s=retention_s)

    return make


def test_one_pass(jobs: Jobs, make_rescue: Callable[..., Rescue], database: Database) -> None:
    lost, healthy = jobs.running(), jobs.running()
    let_lease_run_out(database, lost.job_id)
    update_row(database, jobs.failed(), updated_at=database_now(-HOUR_S - 60))
    jobs.save(video_key(uuid4()))
    rescue = make_rescue(HOUR_S)
    assert rescue.run() == Rescued(handed_back=1, failed=0, expired=1, orphans=1, unfinished=0)
    assert rescue.run() == Rescued(0, 0, 0, 0, 0)
    jobs_left = jobs.store.get_many([lost.job_id, healthy.job_id])
    assert jobs_left[lost.job_id].status == JobStatus.PENDING
    assert jobs_left[healthy.job_id].status == JobStatus.RUNNING
    assert jobs.files() == {video_key(lost.job_id), video_key(healthy.job_id)}


def test_a_job_that_lost_its_last_worker_fails(
    jobs: Jobs, storage: LocalStorage, database: Database, database_queue: DatabaseQueue
) -> None:
    jobs.store = JobStore(database, database_queue, AttemptPolicy(most=1))
    let_lease_run_out(database, jobs.running().job_id)
    orphaned, retention = OrphanedFiles(jobs.store, storage, HOUR_S), Retention(jobs.store, storage, 0)
    rescue = Rescue(jobs.store, orphaned, retention, lease_s=30, retention_s=0)
    assert rescue.run() == Rescued(handed_back=0, failed=1, expired=0, orphans=0, unfinished=0)


def test_a_worker_does_all_of_it_when_it_starts(
    jobs: Jobs, make_rescue: Callable[..., Rescue], database: Database
) -> None:
    lost = jobs.running().job_id
    let_lease_run_out(database, lost)
    expired = jobs.failed()
    update_row(database, expired, updated_at=database_now(-HOUR_S - 60))
    jobs.save(video_key(uuid4()))
    make_rescue(HOUR_S).run_if_due()
    job = jobs.store.get(lost)
    assert job is not None
    assert job.status == JobStatus.PENDING
    wait_until(lambda: jobs.files() == {video_key(lost)})
    wait_until(lambda: jobs.store.get(expired) is None)


def test_a_storage_that_is_gone_keeps_no_job_from_being_rescued(
    jobs: Jobs, make_rescue: Callable[..., Rescue], database: Database, gone_storage: Callable[[], None]
) -> None:
    lost = jobs.running().job_id
    let_lease_run_out(database, lost)
    gone_storage()
    make_rescue().run_if_due()
    job = jobs.store.get(lost)
    assert job is not None
    assert job.status == JobStatus.PENDING
