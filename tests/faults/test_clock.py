"""Leases are judged by the database's clock: a worker whose own clock is wrong takes nothing from anybody."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.service import Caller, Service, analysis_processes
from tests.support.waiting import wait_until

HOUR_S = 3600


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Service]:
    service = Service(tmp_path / "data", {"REELWORK_DATABASE_URL": database_url, "REELWORK_LEASE_S": "4"})
    yield service
    service.close()


@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])
def test_worker_with_a_wrong_clock_rescues_nothing_early(
    service: Service, caller: Callable[[str], Caller], clip: Path, off_s: int
) -> None:
    service.write_pipeline("slow", "pause", seconds=0.25)
    calls = caller(service.start("serve", "--port", "0").url())
    right = service.start("worker")
    job_id = calls.submit(clip, pipeline="slow")
    calls.wait_for(job_id, "running")
    [child] = analysis_processes(right.process.pid)
    os.kill(child, signal.SIGSTOP)  # `right` is busy until `wrong` is

    wrong = service.start("worker", REELWORK_FAULTS="clock_off:reached", CLOCK_OFF_S=str(off_s))
    wrong.wait_for_output(b'"event": "worker.started"')
    beside = calls.submit(clip, pipeline="slow")
    wrong.wait_for_output(b'"event": "job.running"')
    os.kill(child, signal.SIGCONT)

    for number in (job_id, beside):
        assert len(calls.results(number)) == 8
    [started] = wrong.events("worker.started")
    assert abs((datetime.fromisoformat(started["time"]) - datetime.now(UTC)).total_seconds() - off_s) < 60
    wait_until(lambda: len(service.events("job.completed")) >= 2)  # told of after the commit
    assert service.events("job.rescued") == []
    assert [event["job_id"] for event in right.events("job.completed")] == [str(job_id)]
    assert [event["job_id"] for event in wrong.events("job.completed")] == [str(beside)]
