"""One pass repairs all there is to repair, and says what it did."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import part_key, video_key
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.rescue import Rescue, Rescued
from reelwork.worker.retention import Retention
from reelwork.worker.scratch import ScratchDirectory
from tests.support.job_rows import let_lease_run_out, update_row
from tests.support.uploads import abandoned_uploads, begun, let_upload_expire, upload_tables
from tests.support.waiting import wait_until
from tests.unit.worker.conftest import HOUR_S, Jobs


@pytest.fixture
def make_rescue(store: JobStore, storage: LocalStorage, database: Database) -> Iterator[Callable[..., Rescue]]:
    """Make rescues, and wait in the end for what they do in threads: they need the database."""
    made: list[Rescue] = []

    def make(retention_s: float = 0.0) -> Rescue:
        orphaned, retention = OrphanedFiles(store, storage, HOUR_S), Retention(store, storage, retention_s)
        abandoned = abandoned_uploads(database, storage, HOUR_S)
        made.append(Rescue(store, orphaned, retention, abandoned, lease_s=30, retention_s=retention_s))
        return made[-1]

    yield make
    for chore in (chore for rescue in made for chore in rescue._chores):
        chore.wait(30)


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


def test_it_is_due_when_the_first_lease_is_over(
    jobs: Jobs, make_rescue: Callable[..., Rescue], database: Database
) -> None:
    rescue = make_rescue()
    assert rescue.due_in_s == 0
    before = time.monotonic()
    rescue.run_if_due()
    due_in_s, passed_s = rescue.due_in_s, time.monotonic() - before
    assert 10 - passed_s <= due_in_s <= 10
    lost = jobs.running()
    update_row(database, lost.job_id, lease_expires_at=database_now(1))
    rescue = make_rescue()
    rescue.run_if_due()
    assert rescue.due_in_s <= 1

    def is_rescued() -> bool:
        rescue.run_if_due()
        job = jobs.store.get(lost.job_id)
        return job is not None and job.status == JobStatus.PENDING

    wait_until(is_rescued)


def test_a_job_that_lost_its_last_worker_fails(
    jobs: Jobs, storage: LocalStorage, database: Database, database_queue: DatabaseQueue
) -> None:
    jobs.store = JobStore(database, database_queue, AttemptPolicy(most=1))
    let_lease_run_out(database, jobs.running().job_id)
    orphaned, retention = OrphanedFiles(jobs.store, storage, HOUR_S), Retention(jobs.store, storage, 0)
    abandoned = abandoned_uploads(database, storage, HOUR_S)
    rescue = Rescue(jobs.store, orphaned, retention, abandoned, lease_s=30, retention_s=0)
    assert rescue.run() == Rescued(handed_back=0, failed=1, expired=0, orphans=0, unfinished=0)


def test_a_pass_leaves_foreign_files_alone_unless_told_otherwise(
    jobs: Jobs, make_rescue: Callable[..., Rescue], storage: LocalStorage, tmp_path: Path
) -> None:
    """It may have been given the wrong database."""
    unfinished = tmp_path / "storage" / jobs.save("video_jobs/x.mp4")
    unfinished.rename(unfinished.with_name(f".x.mp4.{uuid4().hex}.tmp"))
    for _ in range(2):
        jobs.save(video_key(uuid4()))
    before = jobs.files()
    rescue = make_rescue()
    assert rescue.run() == Rescued(0, 0, 0, orphans=0, unfinished=0, foreign=2)
    assert jobs.files() == before
    assert rescue.run(remove_foreign=True) == Rescued(0, 0, 0, orphans=2, unfinished=1)
    assert jobs.files() == set()


def test_the_last_job_that_expires_still_tells_whose_the_files_are(
    jobs: Jobs, make_rescue: Callable[..., Rescue], database: Database
) -> None:
    update_row(database, jobs.failed(), updated_at=database_now(-HOUR_S - 60))
    jobs.save(video_key(uuid4()))
    assert make_rescue(HOUR_S).run() == Rescued(0, 0, expired=1, orphans=1, unfinished=0)
    assert jobs.files() == set()


def test_uploads_that_were_given_up_go_with_their_parts(
    jobs: Jobs, make_rescue: Callable[..., Rescue], database: Database
) -> None:
    _, partials = upload_tables(database)
    given_up, waiting = begun(partials), begun(partials)
    jobs.pending()
    kept = jobs.save(part_key(waiting.upload_id, 0, waiting.token))
    jobs.save(part_key(given_up.upload_id, 0, given_up.token))
    jobs.save(part_key(uuid4(), 0, uuid4()))
    let_upload_expire(database, given_up.upload_id)
    assert make_rescue().run() == Rescued(0, 0, 0, orphans=1, unfinished=0, uploads=1)
    assert {name for name in jobs.files() if name.startswith("video_uploads/")} == {kept}
    assert partials.get(given_up.upload_id) is None
    assert partials.get(waiting.upload_id) is not None


def test_a_worker_clears_away_scratch_directories_even_without_its_storage(
    make_rescue: Callable[..., Rescue],
    gone_storage: Callable[[], None],
    jobs: Jobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    jobs.pending()
    gone_storage()
    with ScratchDirectory() as held:
        held.with_name("reelwork-scratch-abandoned").mkdir()
        make_rescue().run_if_due()
        wait_until(lambda: list(tmp_path.glob("reelwork-scratch-*")) == [held])


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
