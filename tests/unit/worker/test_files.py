"""Files that belong to no job go; what a row points to, or may yet point to, never does."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from reelwork.jobs.store import JobStore
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import StoredFile, results_key, video_key
from reelwork.worker.files import OrphanedFiles
from tests.support.concurrency import in_threads
from tests.support.jobs import make_job
from tests.unit.worker.conftest import HOUR_S, Jobs


@pytest.fixture
def orphaned(store: JobStore, storage: LocalStorage) -> OrphanedFiles:
    return OrphanedFiles(store, storage, HOUR_S)


def test_what_belongs_to_a_job_stays_whatever_its_status(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    jobs.pending()
    jobs.failed()
    jobs.completed()
    lease = jobs.running()
    jobs.save(results_key(lease.job_id, lease.token))
    before = jobs.files()
    assert orphaned.remove() == 0
    assert orphaned.remove_with_care() == 0
    assert jobs.files() == before


def test_a_video_without_a_job_goes(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    jobs.pending()
    before = jobs.files()
    for _ in range(3):
        jobs.save(video_key(uuid4()))
    assert orphaned.remove_with_care() == 3
    assert jobs.files() == before
    assert orphaned.remove_with_care() == 0


def test_a_video_on_its_way_to_its_row_stays(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    key = jobs.save(video_key(uuid4()), age_s=HOUR_S - 60)
    assert orphaned.remove() == 0
    assert jobs.files() == {key}


def test_results_of_other_attempts_go(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    completed, running = jobs.completed(), jobs.running()
    before = jobs.files()
    others = [completed.job_id, running.job_id, jobs.failed(), jobs.pending(), uuid4()]
    before |= {video_key(others[2]), video_key(others[3])}
    for job_id in others:
        jobs.save(results_key(job_id, uuid4()))
    assert orphaned.remove() == 5
    assert jobs.files() == before


def test_results_of_a_lease_that_was_taken_away_go(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    lease = jobs.running()
    key = jobs.save(results_key(lease.job_id, lease.token))
    assert jobs.store.release(lease)
    assert orphaned.remove() == 1
    assert not jobs.store.complete(lease, key)


def test_what_somebody_else_put_there_stays(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    keys = {
        "video_jobs/holiday.mp4",
        f"video_jobs/{uuid4()}.mov",
        f"video_jobs/{uuid4()}",
        f"video_jobs/{uuid4().hex}.mp4",
        f"video_jobs/more/{uuid4()}.mp4",
        f"video_results/{uuid4()}.json",
        f"video_results/{uuid4()}/notes.txt",
        f"video_results/{uuid4()}/{uuid4()}/{uuid4()}.json",
        f"elsewhere/{uuid4()}.mp4",
        "top",
    }
    for key in keys:
        jobs.save(key)
    assert orphaned.remove() == 0
    assert jobs.files() == keys


def test_nothing_is_removed_by_itself_when_nothing_belongs_to_a_job_here(
    jobs: Jobs, orphaned: OrphanedFiles, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that was given the wrong database must not empty the storage."""
    keys = {jobs.save(video_key(uuid4())), jobs.save(results_key(uuid4(), uuid4()))}
    assert orphaned.remove_with_care() == 0
    assert jobs.files() == keys
    assert "files.foreign" in caplog.messages
    assert orphaned.remove() == 2


def test_of_foreign_files_it_counts_those_it_would_remove(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    for age_s in (HOUR_S - 60, HOUR_S + 60, 2 * HOUR_S):
        jobs.save(video_key(uuid4()), age_s)
    assert orphaned.foreign() == 2
    jobs.pending()
    assert orphaned.foreign() == 0


def test_a_first_upload_on_its_way_is_no_foreign_file(
    jobs: Jobs, orphaned: OrphanedFiles, caplog: pytest.LogCaptureFixture
) -> None:
    key = jobs.save(video_key(uuid4()), age_s=0)
    assert orphaned.remove_with_care() == 0
    assert jobs.files() == {key}
    assert caplog.messages == []


def test_a_new_file_of_a_job_tells_whose_the_old_ones_are(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    jobs.save(video_key(uuid4()))
    job_id = jobs.pending()
    key = jobs.save(video_key(job_id), age_s=0)
    assert orphaned.remove_with_care() == 1
    assert jobs.files() == {key}


def test_an_empty_storage_is_no_wrong_one(orphaned: OrphanedFiles, caplog: pytest.LogCaptureFixture) -> None:
    assert orphaned.remove_with_care() == 0
    assert caplog.messages == []


def test_many_files_are_judged_one_lot_after_the_other(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    mine = [jobs.pending() for _ in range(5)]
    for _ in range(401):
        jobs.save(video_key(uuid4()))
    assert orphaned.remove() == 401
    assert jobs.files() == {video_key(job_id) for job_id in mine}


def test_all_workers_may_do_it_at_once(jobs: Jobs, orphaned: OrphanedFiles) -> None:
    jobs.completed()
    before = jobs.files()
    for _ in range(30):
        jobs.save(results_key(uuid4(), uuid4()))
        jobs.save(video_key(uuid4()))
    in_threads(4, lambda number: orphaned.remove_with_care())
    assert jobs.files() == before


class AcceptsMeanwhile:
    """A storage whose listing takes so long that a listed file has its row when the listing ends."""

    def __init__(self, storage: LocalStorage, store: JobStore, job_id: UUID) -> None:
        self._storage, self._store, self._job_id = storage, store, job_id

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        yield from self._storage.list_files(folder)
        if self._store.get(self._job_id) is None:
            self._store.add(make_job(self._job_id))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


def test_a_file_is_judged_by_rows_read_after_it_was_listed(jobs: Jobs, store: JobStore, storage: LocalStorage) -> None:
    job_id = uuid4()
    key = jobs.save(video_key(job_id))
    assert OrphanedFiles(store, AcceptsMeanwhile(storage, store, job_id), HOUR_S).remove() == 0
    assert jobs.files() == {key}


def test_unfinished_files_go_when_they_are_old(jobs: Jobs, orphaned: OrphanedFiles, storage: LocalStorage) -> None:
    jobs.pending()
    before = jobs.files()
    for age_s in (HOUR_S + 60, HOUR_S - 60):
        key = jobs.save("video_jobs/x.mp4", age_s)
        path = storage._root / key
        path.rename(path.with_name(f".x.mp4.{uuid4().hex}.tmp"))
    assert orphaned.discard_unfinished() == 1
    (left,) = jobs.files() - before
    assert left.endswith(".tmp")
