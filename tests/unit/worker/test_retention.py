"""Ended jobs go when their time is over, with all their files; nothing else does."""

from uuid import uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import JobStore
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import results_key, video_key
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.retention import Retention
from tests.support.job_rows import clock_of, row_of, update_row
from tests.unit.worker.conftest import HOUR_S, Jobs


@pytest.fixture
def retention(store: JobStore, storage: LocalStorage) -> Retention:
    return Retention(store, storage, HOUR_S)


def test_old_ended_jobs_go_with_their_files(jobs: Jobs, retention: Retention, database: Database) -> None:
    old = [jobs.completed().job_id, jobs.failed()]
    jobs.save(results_key(old[1], uuid4()))
    for job_id in old:
        update_row(database, job_id, updated_at=database_now(-HOUR_S - 60))
    kept = [jobs.completed().job_id, jobs.failed(), jobs.pending(), jobs.running().job_id]
    for job_id in kept[2:]:
        update_row(database, job_id, updated_at=database_now(-HOUR_S - 60))
    assert retention.remove_expired() == 2
    assert set(jobs.store.get_many([*old, *kept])) == set(kept)
    assert {name for name in jobs.files() if any(str(job_id) in name for job_id in old)} == set()
    assert {video_key(job_id) for job_id in kept} < jobs.files()
    assert retention.remove_expired() == 0


@pytest.mark.parametrize("keep_s", [0, 2 * HOUR_S])
def test_jobs_with_a_time_of_their_own_go_by_it(
    jobs: Jobs, store: JobStore, storage: LocalStorage, database: Database, keep_s: float
) -> None:
    own = {name: jobs.failed(retention_s=HOUR_S) for name in ("over", "not over")}
    running = jobs.running(retention_s=HOUR_S).job_id
    ends = {job_id: row_of(database, job_id)["expires_at"] for job_id in (*own.values(), running)}
    assert ends[running] is None
    assert (ends[own["over"]] - clock_of(database)).total_seconds() == pytest.approx(HOUR_S, abs=60)
    update_row(database, own["over"], expires_at=database_now(-1))
    # The service would keep this one for a shorter time than it was promised.
    update_row(database, own["not over"], updated_at=database_now(-3 * HOUR_S))
    assert Retention(store, storage, keep_s).remove_expired() == 1
    assert set(store.get_many([*own.values(), running])) == {own["not over"], running}
    assert not [name for name in jobs.files() if str(own["over"]) in name]


def test_a_retry_takes_the_time_away(jobs: Jobs, store: JobStore, storage: LocalStorage, database: Database) -> None:
    job_id = jobs.failed(retention_s=HOUR_S)
    update_row(database, job_id, expires_at=database_now(-1))
    assert store.retry(job_id)
    assert Retention(store, storage, 0).remove_expired() == 0


def test_more_than_one_lot(jobs: Jobs, store: JobStore, storage: LocalStorage) -> None:
    for _ in range(103):
        jobs.failed()
    assert Retention(store, storage, 1e-9).remove_expired() == 103
    assert jobs.files() == set()


def test_without_a_time_they_are_kept_for_ever(jobs: Jobs, store: JobStore, storage: LocalStorage) -> None:
    jobs.failed()
    assert Retention(store, storage, 0).remove_expired() == 0
    assert len(jobs.files()) == 1


def test_files_that_cannot_be_removed_are_orphans(
    jobs: Jobs, store: JobStore, storage: LocalStorage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = jobs.completed().job_id
    update_row(database, job_id, updated_at=database_now(-HOUR_S - 60))

    def refusing(key: str) -> None:
        raise ServiceUnavailable("The file storage does not work.")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "delete_file", refusing)
        with pytest.raises(ServiceUnavailable):
            Retention(store, storage, HOUR_S).remove_expired()
    assert store.get(job_id) is None
    assert OrphanedFiles(store, storage, HOUR_S).remove() == 2
    assert jobs.files() == set()
