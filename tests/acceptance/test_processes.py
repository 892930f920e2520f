"""The API and the workers as processes: any order, killed and restarted, stopped together."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pausing import pause_between_writes
from tests.support.service import Caller, Service, descendants, is_alive
from tests.support.waiting import wait_until

MakeCaller = Callable[[str], Caller]


@pytest.mark.parametrize("order", [("serve", "worker"), ("worker", "serve")])
def test_api_and_worker_started_by_hand_in_either_order(
    service: Service, caller: MakeCaller, media_dir: Path, order: tuple[str, str]
) -> None:
    ports = {"serve": ("--port", "0"), "worker": ()}
    first, second = (service.start(command, *ports[command]) for command in order)
    api = first if order[0] == "serve" else second

    calls = caller(api.url())

    assert len(calls.results(calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames"))) == 125


def test_jobs_accepted_without_a_worker_are_run_by_the_first_one(
    service: Service, caller: MakeCaller, media_dir: Path
) -> None:
    calls = caller(service.start("serve", "--port", "0").url())
    job_ids = [calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames") for _ in range(3)]
    assert [calls.status(job_id)["status"] for job_id in job_ids] == ["pending"] * 3

    service.start("worker")

    assert [len(calls.results(job_id)) for job_id in job_ids] == [125] * 3


def test_api_killed_after_the_answer_loses_nothing(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    api = service.start("serve", "--port", "0")
    job_id = caller(api.url()).submit(media_dir / "midroll-5s.mp4", pipeline="frames")
    api.kill()

    service.start("worker")
    calls = caller(service.start("serve", "--port", "0").url())

    assert len(calls.results(job_id)) == 125


def test_worker_killed_at_work_loses_nothing(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.environment = {"REELWORK_LEASE_S": "2"}
    service.write_pipeline("slow", "pause", seconds=0.15)
    calls = caller(service.start("serve", "--port", "0").url())
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
    calls.wait_for(job_id, "running")
    child_pids = descendants(worker.process.pid)
    worker.kill()

    service.start("worker")

    results = calls.results(job_id)
    assert [entry["frame_index"] for entry in results] == list(range(30))
    assert {entry["result"]["answer"]["pid"] for entry in results}.isdisjoint(child_pids)
    wait_until(lambda: not any(is_alive(pid) for pid in child_pids))


def test_paused_worker_that_wakes_up_late_changes_nothing(
    service: Service, caller: MakeCaller, media_dir: Path
) -> None:
    service.environment = {"REELWORK_LEASE_S": "3"}
    service.write_pipeline("slow", "pause", seconds=0.3)
    calls = caller(service.start("serve", "--port", "0").url())
    paused = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
    calls.wait_for(job_id, "running")
    paused_children = descendants(paused.process.pid)
    pause_between_writes(paused.process.pid, service.data_dir / "reelwork.db.lock")
    service.start("worker").wait_for_output(b'"event": "job.running"')

    paused.signal(signal.SIGCONT)
    paused.wait_for_output(b'"event": "job.lease_lost"')

    results = calls.results(job_id)
    assert len(results) == 30
    assert {entry["result"]["answer"]["pid"] for entry in results}.isdisjoint(paused_children)
    # It may have claimed the job anew, and that is fine.
    assert 1 not in [event["attempt"] for event in paused.events("job.completed")]
    assert len([name for name in service.stored_files() if name.startswith("video_results")]) == 1


def test_sigterm_lets_the_job_in_hand_finish(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.write_pipeline("slow", "pause", seconds=0.15)
    calls = caller(service.start("serve", "--port", "0").url())
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
    waiting_id = calls.submit(media_dir / "fragmented.mp4", pipeline="slow")
    worker = service.start("worker")
    calls.wait_for(job_id, "running")

    assert worker.stop() == 0

    assert calls.status(job_id)["status"] == "completed"
    assert calls.status(waiting_id)["status"] == "pending"


def test_second_sigterm_hands_the_job_back_at_once(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.write_pipeline("endless", "pause", seconds=30)
    calls = caller(service.start("serve", "--port", "0").url())
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="endless")
    calls.wait_for(job_id, "running")
    child_pids = descendants(worker.process.pid)

    worker.signal(signal.SIGTERM)
    time.sleep(2)  # two signals that are pending at once are one signal
    assert worker.stop(timeout_s=10) == 0

    assert calls.status(job_id)["status"] == "pending"
    assert b'"event": "job.handed_back"' in worker.output
    wait_until(lambda: not any(is_alive(pid) for pid in child_pids))


def test_grace_that_runs_out_hands_the_job_back(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.environment = {"REELWORK_SHUTDOWN_GRACE_S": "0.5"}
    service.write_pipeline("endless", "pause", seconds=30)
    calls = caller(service.start("serve", "--port", "0").url())
    worker = service.start("worker")
    job_id = calls.submit(media_dir / "fragmented.mp4", pipeline="endless")
    calls.wait_for(job_id, "running")

    assert worker.stop(timeout_s=10) == 0

    assert calls.status(job_id)["status"] == "pending"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_stops_with_everything_it_started(service: Service, number: signal.Signals) -> None:
    up = service.start("up", "--port", "0", "--workers", "2")
    up.url()
    wait_until(lambda: up.output.count(b'"event": "worker.started"') == 2)
    started = descendants(up.process.pid)
    assert len(started) >= 3

    up.signal(number)

    assert up.process.wait(30) == 0
    wait_until(lambda: not any(is_alive(pid) for pid in started))


def test_up_killed_leaves_no_process_behind(service: Service) -> None:
    up = service.start("up", "--port", "0")
    up.url()
    wait_until(lambda: b'"event": "worker.started"' in up.output)
    started = descendants(up.process.pid)

    up.kill()

    wait_until(lambda: not any(is_alive(pid) for pid in started))


def test_up_replaces_a_worker_that_was_killed(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    up = service.start("up", "--port", "0")
    calls = caller(up.url())
    first = int(up.wait_for_output(rb'"worker.started".*"pid": (\d+)')[1])

    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(re.findall(rb'"event": "worker.started"', up.output)) == 2)

    assert len(calls.results(calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames"))) == 125


def test_port_in_use_is_said(service: Service) -> None:
    port = service.start("serve", "--port", "0").url().rsplit(":", 1)[1]

    second = service.start("serve", "--port", port)

    assert second.process.wait(30) == 1
    assert f"Port {port} on 127.0.0.1 is in use".encode() in second.output
    assert b"Traceback" not in second.output
