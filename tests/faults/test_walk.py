"""The walk of an MP4 that the documentation draws is the one that the processes take."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from scripts.walk import API, CLIENT, SUPERVISOR, WALK
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until

PROCESSES = {"serve": API, "worker": SUPERVISOR, "test": CLIENT}


def test_drawn_walk_is_the_real_one(tmp_path: Path, clip: Path, caller: Callable[[str], Caller]) -> None:
    walked = tmp_path / "walked"
    environment = {"REELWORK_FAULTS": "walked:reached", "WALK_FILE": str(walked), "REELWORK_PROBE_PROCESSES": "1"}
    service = Service(tmp_path / "data", environment)
    try:
        api, worker = service.start("serve", "--port", "0"), service.start("worker")
        calls = caller(api.url())
        worker.wait_for_output(b'"event": "worker.started"')
        # What a worker finds by looking into the table was not hinted at: that is the way of few jobs.
        for looked in range(5):
            walk = _walk(calls, clip, walked)
            if next(point for by, point in walk if by == SUPERVISOR) == "hint.taken":
                break
            # The hint is taken afterwards, and no part of the next walk.
            wait_until(lambda looked=looked: len(worker.events("hint.outdated")) > looked)
    finally:
        service.close()
    for process in PROCESSES.values():
        passed = [point for by, point in walk if by == process]
        assert passed == [step.point for step in WALK if step.process == process]
    order = [point for _, point in walk]
    for step in WALK:
        assert step.after is None or order.index(step.after) < order.index(step.point)


def _walk(calls: Caller, clip: Path, walked: Path) -> list[tuple[str, str]]:
    """Send a clip, fetch its results, and return what was passed on the way; the same again and again is told once."""
    walked.write_text("")
    _note(walked, "POST /video/submit")
    job_id = calls.submit(clip, pipeline="frames")
    _note(walked, "202 job_id")
    wait_until(lambda: "job.completed" in walked.read_text())
    assert calls.results(job_id)
    _note(walked, "GET /video/results/{job_id}")
    return [
        (PROCESSES[line.split()[0]], line.split(maxsplit=1)[1]) for line, _ in groupby(walked.read_text().splitlines())
    ]


def _note(walked: Path, said: str) -> None:
    with walked.open("a") as lines:
        lines.write(f"test {said}\n")
