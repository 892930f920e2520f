"""The soak's audit finds each thing that must not be, and nothing else."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.jobs.attempts import WORKER_LOST
from reelwork.jobs.store import JobStore
from tests.soak.audit import violations
from tests.soak.moves import MoveLog
from tests.support.databases import run
from tests.support.evidence import job_rows
from tests.support.job_moves import added, claimed, completed, lost
from tests.support.service import Service

FRAMES = 2


class Audited:
    """A service that nobody runs, with every move on its table noted."""

    def __init__(self, directory: Path, database: Database) -> None:
        self.service = Service(directory)
        self._database = database
        self._moves = MoveLog(database)

    def store_files(self) -> None:
        """Store what the rows name."""
        document = json.dumps({"results": [{"frame_index": index} for index in range(FRAMES)]})
        for row in job_rows(self._database).values():
            for key in filter(None, (row["input_path"], row["output_path"])):
                path = self.service.data_dir / "files" / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(document)

    def found(self, *accepted: UUID) -> set[str]:
        """Return what should not be."""
        moves = self._moves.read()
        found = violations(self.service, self._database, moves, list(accepted), FRAMES)
        return {what for what, items in found.items() if items}


@pytest.fixture
def audited(tmp_path: Path, database: Database) -> Audited:
    return Audited(tmp_path / "service", database)


def test_nothing_is_wrong_with_a_job_that_was_lost_handed_back_and_completed(
    audited: Audited, database: Database, store: JobStore
) -> None:
    job_id = lost(database, store).job_id
    assert store.release(claimed(store, job_id))
    lease = claimed(store, job_id)
    assert store.complete(lease, f"video_results/{job_id}/{lease.token}.json")
    audited.store_files()

    assert audited.found(job_id) == set()


def test_accepted_job_without_a_row(audited: Audited) -> None:
    assert audited.found(uuid4()) == {"accepted and lost"}


def test_two_submits_with_one_answer(audited: Audited, store: JobStore) -> None:
    job_id = completed(store)
    audited.store_files()

    assert audited.found(job_id, job_id) == {"accepted twice"}


def test_job_that_goes_on_for_ever(audited: Audited, store: JobStore) -> None:
    added(store)
    audited.store_files()

    assert {"not at an end"} < audited.found()


def test_completion_with_the_results_of_another_attempt(audited: Audited, store: JobStore) -> None:
    lease = claimed(store, added(store))
    assert store.complete(lease, f"video_results/{lease.job_id}/{uuid4()}.json")
    audited.store_files()

    assert audited.found() == {"completed under another's lease"}


def test_results_at_a_place_that_all_attempts_share(audited: Audited, store: JobStore) -> None:
    lease = claimed(store, added(store))
    assert store.complete(lease, f"video_results/{lease.job_id}.json")
    audited.store_files()

    assert audited.found() == {"completed under another's lease"}


def test_job_that_is_done_again(audited: Audited, database: Database, store: JobStore) -> None:
    job_id = completed(store)
    run(database, "UPDATE job SET status = 'pending', output_path = NULL")
    lease = claimed(store, job_id)
    assert store.complete(lease, f"video_results/{job_id}/{lease.token}.json")
    audited.store_files()

    assert audited.found() == {"completed not exactly once", "moved as no job may"}


def test_rescue_that_does_not_wait_for_the_end_of_the_lease(audited: Audited, store: JobStore) -> None:
    lease = claimed(store, added(store))
    store.lose_attempt(lease, WORKER_LOST)

    assert "taken before its lease ran out" in audited.found()


def test_worker_that_gives_its_own_attempt_up(audited: Audited, store: JobStore) -> None:
    lease = claimed(store, added(store))
    store.lose_attempt(lease, "The analysis process was killed")

    assert "taken before its lease ran out" not in audited.found()


@pytest.mark.parametrize("text", ["", '{"results": []}', '{"results": [{"frame_index": 1}, {"frame_index": 0}]}'])
def test_results_that_are_not_whole(audited: Audited, database: Database, store: JobStore, text: str) -> None:
    job_id = completed(store)
    audited.store_files()
    (audited.service.data_dir / "files" / job_rows(database)[job_id]["output_path"]).write_text(text)

    assert audited.found() == {"results missing or not whole"}


def test_file_that_belongs_to_no_row(audited: Audited, store: JobStore) -> None:
    completed(store)
    audited.store_files()
    (audited.service.data_dir / "files" / "video_jobs" / f"{uuid4()}.mp4").write_text("orphan")

    assert audited.found() == {"files without a row"}


def test_video_that_is_gone(audited: Audited, database: Database, store: JobStore) -> None:
    job_id = completed(store)
    audited.store_files()
    (audited.service.data_dir / "files" / job_rows(database)[job_id]["input_path"]).unlink()

    assert audited.found() == {"rows without a file"}
