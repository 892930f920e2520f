"""What killed processes leave behind is repaired, by a command and by the workers themselves."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.support.service import Caller, Service
from tests.support.waiting import wait_until

MakeCaller = Callable[[str], Caller]
DAY_S = 86400


@pytest.fixture
def calls(service: Service, caller: MakeCaller) -> Caller:
    service.write_pipeline("slow", "pause", seconds=0.5)
    return caller(service.start("serve", "--port", "0").url())


def rescue(service: Service, *options: str, exit_code: int = 0) -> str:
    """Run the command and return what it prints last."""
    done = service.start("rescue", *options)
    assert done.process.wait(60) == exit_code, done.output
    return done.output.decode().splitlines()[-1]


def leave_behind(service: Service, key: str) -> None:
    """Store a file that a process left behind a day ago."""
    path = service.data_dir / "files" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (path.stat().st_mtime - DAY_S,) * 2)


def leavings(job_id: UUID) -> list[str]:
    return [
        f"video_jobs/{uuid4()}.mp4",
        f"video_jobs/.{uuid4()}.mp4.{uuid4().hex}.tmp",
        f"video_results/{uuid4()}/{uuid4()}.json",
        f"video_results/{job_id}/{uuid4()}.json",
    ]


def test_command_repairs_what_there_is_to_repair_and_says_so(service: Service, calls: Caller, media_dir: Path) -> None:
    assert rescue(service) == "Nothing had to be repaired."
    service.environment = {"REELWORK_LEASE_S": "1"}
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
    calls.wait_for(job_id, "running")
    worker.kill()
    for key in leavings(job_id):
        leave_behind(service, key)

    told = []
    wait_until(lambda: told.append(rescue(service)) or calls.status(job_id)["status"] == "pending")

    assert ", ".join(line for line in told if not line.startswith("Nothing")) in (
        "1 job taken from lost workers, 3 files without a job removed, 1 unfinished file removed",
        "3 files without a job removed, 1 unfinished file removed, 1 job taken from lost workers",
    )
    assert service.stored_files() == [f"video_jobs/{job_id}.mp4"]
    assert rescue(service, "--orphan-age-s", "0") == "Nothing had to be repaired."


def test_command_can_be_told_what_is_old(service: Service, calls: Caller, media_dir: Path) -> None:
    calls.submit(media_dir / "fragmented.mp4", pipeline="frames")
    (service.data_dir / "files" / f"video_jobs/{uuid4()}.mp4").write_bytes(b"x")
    assert rescue(service, "--orphan-age-s", "60") == "Nothing had to be repaired."
    assert rescue(service, "--orphan-age-s", "0") == "1 file without a job removed"


def test_worker_clears_away_when_it_starts(service: Service, calls: Caller, media_dir: Path) -> None:
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="frames")
    for key in leavings(job_id):
        leave_behind(service, key)

    service.start("worker")

    assert len(calls.results(job_id)) == 30
    wait_until(lambda: len(service.stored_files()) == 2)
    assert len(calls.results(job_id)) == 30


def test_with_the_wrong_database_the_files_are_left_alone(
    service: Service, calls: Caller, media_dir: Path, tmp_path: Path
) -> None:
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="frames")
    leave_behind(service, f"video_jobs/{job_id}.mp4")
    leave_behind(service, f"video_jobs/.{uuid4()}.mp4.{uuid4().hex}.tmp")
    before = service.stored_files()
    right = service.environment
    service.environment = {"REELWORK_DATABASE_URL": f"sqlite:///{tmp_path}/wrong.db"}
    assert service.start("migrate").process.wait(60) == 0

    said = rescue(service, exit_code=1)

    assert said.startswith("1 file without a job left alone: not one stored file belongs to a job of this database")
    assert "reelwork rescue --remove-foreign" in said
    assert service.stored_files() == before

    service.start("worker").wait_for_output(b'"event": "files.foreign"')

    assert f"video_jobs/{job_id}.mp4" in service.stored_files()
    service.environment = right
    assert rescue(service, "--remove-foreign").startswith(("Nothing had to be repaired", "1 unfinished file removed"))
    assert service.stored_files() == [f"video_jobs/{job_id}.mp4"]


def test_command_removes_foreign_files_when_told_to(service: Service, calls: Caller) -> None:
    for _ in range(2):
        leave_behind(service, f"video_jobs/{uuid4()}.mp4")
    assert rescue(service, exit_code=1).startswith("2 files without a job left alone")
    assert rescue(service, "--remove-foreign") == "2 files without a job removed"
    assert service.stored_files() == []


def test_first_upload_is_no_foreign_file(service: Service, calls: Caller) -> None:
    (service.data_dir / "files" / "video_jobs").mkdir(parents=True)
    (service.data_dir / "files" / f"video_jobs/{uuid4()}.mp4").write_bytes(b"x")
    assert rescue(service) == "Nothing had to be repaired."


def test_scratch_directory_of_a_killed_worker_goes(
    service: Service, calls: Caller, media_dir: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    service.environment = {"TMPDIR": str(scratch), "REELWORK_LEASE_S": "1"}
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow", frame_stride="6")
    wait_until(lambda: list(scratch.glob("*/results.json")))
    worker.kill()
    [left] = scratch.glob("reelwork-scratch-*")

    service.start("worker").wait_for_output(b'"event": "scratch.removed"')

    assert not left.exists()
    assert len(calls.results(job_id)) == 5
    # Nothing but the bells of the database, where its own path is too long for sockets.
    wait_until(lambda: all(path.suffix == ".bells" for path in scratch.iterdir()))


def test_ended_jobs_go_when_their_time_is_over(service: Service, calls: Caller, media_dir: Path) -> None:
    service.environment = {"REELWORK_RETENTION_S": "1"}
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="frames")

    service.start("worker")

    wait_until(lambda: calls.http.get(f"/video/status/{job_id}").status_code == 404, timeout_s=60)
    wait_until(lambda: service.stored_files() == [])


def test_worker_stops_while_it_clears_away(service: Service, calls: Caller) -> None:
    for _ in range(2000):
        leave_behind(service, f"video_results/{uuid4()}/{uuid4()}.json")
    worker = service.start("worker")
    worker.wait_for_output(b'"event": "worker.started"')
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0
    assert b"Traceback" not in worker.output
