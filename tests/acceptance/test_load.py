"""Sixty-four clients at once: no error, and no memory that is not given back. The long form: `make bench`, load."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support.load import mixed_load
from tests.support.service import Caller, Service, descendants

MB = 2**20
GROWTH_MB = 64


def api_memory(pid: int) -> int:
    """Return the memory of the process that serves HTTP, among those of `reelwork up`."""
    for child in descendants(pid):
        with suppress(psutil.NoSuchProcess):  # it was replaced just now
            process = psutil.Process(child)
            if "serve" in process.cmdline():
                return int(process.memory_info().rss)
    raise AssertionError("there is no API process")


def test_mixed_load(service: Service, caller: Callable[[str], Caller], media_dir: Path) -> None:
    command = service.start("up", "--port", "0")
    calls = caller(command.url())
    clip = media_dir / "midroll-5s.mp4"
    completed = [calls.submit(clip, pipeline="frames") for _ in range(3)]
    for job_id in completed:
        calls.wait_for(job_id, "completed")

    def under_load(duration_s: float) -> None:
        load = mixed_load(
            command.url(), clip.read_bytes(), completed, connections=64, duration_s=duration_s, most_jobs=100
        )
        assert load.errors == []
        assert set(load.done) == {"submit", "poll", "results"}

    under_load(3)  # threads, connections and caches are made once
    before = api_memory(command.process.pid)
    under_load(6)
    assert api_memory(command.process.pid) - before < GROWTH_MB * MB
