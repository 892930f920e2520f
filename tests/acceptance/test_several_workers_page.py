"""What the page about several workers shows: they come and go under load, and no job notices."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.installation import CLIP, Installation
from tests.support.service import Caller, Service
from tests.support.shell import Shell, blocks_run_by, free_port, has_written, with_values
from tests.support.versions import install_this_version
from tests.support.waiting import wait_until

PAGE = "docs/how-to/several-workers.md"
START, ADD, SLOTS, SHARED, ELSEWHERE, TAKE_AWAY, DRAIN = blocks_run_by(__file__, PAGE, "sh")
SECONDS_EACH = 2


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    path = f"{install_this_version(tmp_path / 'this').parent}:{os.environ['PATH']}"
    hasty = {"REELWORK_SHUTDOWN_GRACE_S": "0", "REELWORK_PROBE_PROCESSES": "1"}
    installation = Installation(tmp_path, {"PATH": path, **hasty})
    yield installation
    installation.close()


def submitted(calls: Caller, count: int) -> list[UUID]:
    """Submit jobs that take so many seconds each."""
    return [calls.submit(CLIP, pipeline="slow", frame_stride=30 // SECONDS_EACH) for _ in range(count)]


def running(calls: Caller) -> list[dict[str, Any]]:
    return calls.http.get("/video/jobs", params={"status": "running"}).json()["jobs"]  # type: ignore[no-any-return]


def are_busy(calls: Caller, slots: int, jobs: list[UUID]) -> bool:
    """Tell whether so many jobs run side by side; keeps one waiting, so that a slot that comes late finds it."""
    if not calls.http.get("/video/jobs", params={"status": "pending"}).json()["jobs"]:
        jobs += submitted(calls, 1)
    return len(running(calls)) == slots


def events(directory: Path, worker: str, event: str) -> int:
    return (directory / f"{worker}.log").read_text().count(f'"event": "{event}"')


def assert_no_attempt_lost(calls: Caller, jobs: list[UUID]) -> None:
    for job_id in jobs:
        assert len(calls.results(job_id)) == SECONDS_EACH
        assert calls.http.get(f"/video/jobs/{job_id}").json()["attempts"] == {"count": 1, "lost": []}


def test_workers_come_and_go_under_load(installation: Installation, tmp_path: Path) -> None:
    run, calls = installation.run, installation.calls
    run(START.text.replace("/srv/reelwork", str(installation.data_dir)))
    wait_until(lambda: has_written(tmp_path / "api.log", "Reelwork is ready"))
    jobs = submitted(calls, 2)
    wait_until(lambda: are_busy(calls, 1, jobs))

    run(ADD.text)
    wait_until(lambda: are_busy(calls, 2, jobs))
    run(TAKE_AWAY.text)
    assert events(tmp_path, "worker-2", "job.handed_back") == 1
    run(SLOTS.text)
    wait_until(lambda: are_busy(calls, 3, jobs))
    assert_no_attempt_lost(calls, jobs)

    run(DRAIN.text)
    run('kill -TERM "$FIRST" "$THIRD"\nwait "$FIRST" "$THIRD"')
    [last] = submitted(calls, 1)
    wait_until(lambda: len(running(calls)) == 1)
    run(TAKE_AWAY.text.replace("SECOND", "FOURTH"))
    assert events(tmp_path, "worker-4", "job.handed_back") == 0
    assert calls.status(last)["status"] == "completed"
    assert_no_attempt_lost(calls, [last])


def test_machines_that_share_database_and_storage(postgresql_url: str, tmp_path: Path) -> None:
    """A machine is a shell with directories of its own; the storage lies at another place for each of them."""
    path = f"{install_this_version(tmp_path / 'this').parent}:{os.environ['PATH']}"
    Service(tmp_path / "shared").write_pipeline("slow", "pause", seconds=1)
    machines, callers = [], []
    try:
        for name in ("a", "b"):
            port = free_port()
            directory = tmp_path / name
            directory.mkdir()
            (directory / "mnt").symlink_to(tmp_path / "shared")
            environment = {"PATH": path, "REELWORK_PORT": str(port), "REELWORK_PROBE_PROCESSES": "1"}
            machines.append(Shell(directory, environment))
            values = {
                "REELWORK_DATABASE_URL": postgresql_url,
                "REELWORK_STORAGE_URL": f"file://{directory / 'mnt' / 'files'}",
                "REELWORK_PIPELINES_DIR": directory / "mnt" / "pipelines",
                "REELWORK_MODELS_DIR": directory / "mnt" / "models",
                "REELWORK_DATA_DIR": directory / "data",
            }
            machines[-1].run(with_values(SHARED, values) + "\nreelwork serve >>api.log 2>&1 &")
            machines[-1].run(ELSEWHERE.text)
            callers.append(Caller(f"http://127.0.0.1:{port}"))
            wait_until(partial(has_written, directory / "api.log", "Reelwork is ready"))

        jobs = submitted(callers[0], 2)
        wait_until(lambda: are_busy(callers[0], 2, jobs))
        assert_no_attempt_lost(callers[1], jobs)
        logs = [tmp_path / name for name in ("a", "b")]
        wait_until(lambda: sum(events(log, "worker", "job.completed") for log in logs) == len(jobs))
        assert all(events(log, "worker", "job.completed") for log in logs)

        begun = callers[0].http.post(
            "/video/submit",
            params={"pipeline": "frames"},
            headers={"Upload-Complete": "?0", "Content-Type": "video/mp4"},
            content=CLIP.read_bytes()[:50_000],
        )
        told = {"Upload-Offset": "50000", "Upload-Complete": "?1", "Content-Type": "application/partial-upload"}
        ended = callers[1].http.patch(begun.headers["location"], headers=told, content=CLIP.read_bytes()[50_000:])
        assert len(callers[0].results(UUID(ended.json()["job_id"]))) == 30
    finally:
        for machine in machines:
            machine.close()
        for caller in callers:
            caller.http.close()
