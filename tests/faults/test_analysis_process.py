"""Whatever becomes of the analysis process, the job ends with a reason and the worker goes on."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.service import Caller, Command, Service, descendants, is_alive
from tests.support.waiting import wait_until


@pytest.fixture
def calls(service: Service, caller: Callable[[str], Caller]) -> Caller:
    service.write_pipeline("crash", "crash")
    service.write_pipeline("raising", "raise", frame=5)
    service.write_pipeline("slow", "pause", seconds=0.05)
    service.write_pipeline("slower", "pause", seconds=0.2)
    service.write_pipeline("endless", "pause", seconds=60)
    service.write_pipeline("hoarding", "hoard", megabytes=400)
    service.write_pipeline("wedged", "wedge")
    return caller(service.start("serve", "--port", "0").url())


def assert_goes_on(calls: Caller, worker: Command, media_dir: Path) -> None:
    assert worker.process.poll() is None
    assert len(calls.results(calls.submit(media_dir / "fragmented.mp4", pipeline="frames"))) == 30


def stored_results(service: Service) -> list[str]:
    return [name for name in service.stored_files() if name.startswith("video_results")]


def test_crash_costs_attempts_and_then_fails_the_job(service: Service, calls: Caller, media_dir: Path) -> None:
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="crash")

    error = calls.error(job_id)

    assert error == "The analysis process was killed by signal 11 (SIGSEGV) three times."
    assert worker.output.count(b'"event": "job.running"') == 3
    assert stored_results(service) == []
    assert_goes_on(calls, worker, media_dir)


def test_exception_fails_the_job_at_once(service: Service, calls: Caller, media_dir: Path) -> None:
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="raising")

    error = calls.error(job_id)

    assert error == "Node 'answer' (analyzer 'raise') failed on frame 5: ValueError: the lens cap is on"
    assert worker.output.count(b'"event": "job.running"') == 1
    assert stored_results(service) == []
    assert_goes_on(calls, worker, media_dir)


def test_hang_ends_at_the_time_limit(service: Service, calls: Caller, media_dir: Path) -> None:
    service.environment = {"REELWORK_JOB_TIMEOUT_S": "3", "REELWORK_MAX_ATTEMPTS": "2"}
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="endless")

    error = calls.error(job_id)

    assert error == "The analysis took longer than 3 s and was stopped twice."
    assert_goes_on(calls, worker, media_dir)


def test_memory_beyond_the_limit_ends_the_attempt(service: Service, calls: Caller, media_dir: Path) -> None:
    service.environment = {"REELWORK_JOB_MEMORY_MB": "300", "REELWORK_RETRY_REST_S": "0"}
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="hoarding")

    error = calls.error(job_id)

    assert error == "The analysis took more than 300 MB of memory and was stopped three times."
    assert_goes_on(calls, worker, media_dir)


def test_process_that_has_grown_is_replaced(service: Service, calls: Caller, media_dir: Path) -> None:
    service.environment = {"REELWORK_JOB_MEMORY_MB": "900"}
    service.start("worker")

    pids = []
    for pipeline in ("slow", "slow", "hoarding", "slow"):
        results = calls.results(calls.submit(media_dir / "fragmented.mp4", pipeline=pipeline, max_frames=4))
        pids.append(results[0]["result"]["answer"]["pid"])

    assert pids[0] == pids[1] == pids[2] != pids[3]


def test_several_jobs_side_by_side_in_one_worker(service: Service, calls: Caller, media_dir: Path) -> None:
    job_ids = [calls.submit(media_dir / "fragmented.mp4", pipeline="slow") for _ in range(3)]
    service.start("worker", "--concurrency", "3")

    wait_until(lambda: [calls.status(job_id)["status"] for job_id in job_ids] == ["running"] * 3)

    pids = {calls.results(job_id)[0]["result"]["answer"]["pid"] for job_id in job_ids}
    assert len(pids) == 3


def test_wedged_analysis_does_not_hold_its_lease_up_and_dies_with_its_supervisor(
    service: Service, calls: Caller, media_dir: Path
) -> None:
    service.environment = {"REELWORK_LEASE_S": "4", "REELWORK_MAX_ATTEMPTS": "1"}
    workers = [service.start("worker"), service.start("worker")]
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="wedged")
    wait_until(lambda: any(b'"event": "job.running"' in worker.output for worker in workers))
    holder = next(worker for worker in workers if b'"event": "job.running"' in worker.output)
    child_pids = descendants(holder.process.pid)
    renewed_from = time.monotonic()
    wait_until(lambda: time.monotonic() > renewed_from + 4.5)  # well past the lease
    assert calls.status(job_id)["status"] == "running"

    holder.kill()

    wait_until(lambda: not any(is_alive(pid) for pid in child_pids))
    assert calls.error(job_id) == "The worker was lost (it was killed, or its machine stopped)."


def test_killed_analysis_is_tried_again_and_answers_each_frame_once(
    service: Service, calls: Caller, media_dir: Path
) -> None:
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
    calls.wait_for(job_id, "running")

    for pid in descendants(worker.process.pid):
        os.kill(pid, signal.SIGKILL)

    results = calls.results(job_id)
    assert [entry["frame_index"] for entry in results] == list(range(30))
    assert len({entry["result"]["answer"]["pid"] for entry in results}) == 1
    assert len(stored_results(service)) == 1


def test_job_longer_than_its_lease_is_run_once(service: Service, calls: Caller, media_dir: Path) -> None:
    service.environment = {"REELWORK_LEASE_S": "4"}
    workers = [service.start("worker"), service.start("worker")]
    job_id = calls.submit(media_dir / "person-small.mp4", pipeline="slower", max_frames=30)
    longer_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="slower", max_frames=30)

    assert len(calls.results(job_id)) == 30
    assert len(calls.results(longer_id)) == 30
    output = b"".join(worker.output for worker in workers)
    assert output.count(b'"event": "job.running"') == 2
    assert b"job.rescued" not in output


def test_broken_plugin_stops_nothing_and_is_listed(service: Service, caller: Callable[[str], Caller]) -> None:
    service.write_pipeline("hopeless", "broken")
    calls = caller(service.start("serve", "--port", "0").url())

    pipelines = {entry["name"]: entry for entry in calls.http.get("/pipelines").json()["pipelines"]}

    assert "troublesome_that_is_not_there" in pipelines["hopeless"]["unavailable_because"]
    assert pipelines["text"]["available"]
