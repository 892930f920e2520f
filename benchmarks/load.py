"""Submit, poll and results at 64 connections for a minute against a real `reelwork up`: errors, rates and memory."""

import tempfile
from pathlib import Path

from tests.acceptance.test_load import api_memory
from tests.support.load import mixed_load
from tests.support.service import Caller, Service

_CONNECTIONS = 64
_DURATION_S = 60.0
_MOST_JOBS = 2000
_CLIP = Path(__file__).parent.parent / "media" / "midroll-5s.mp4"
_MB = 2**20


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        service = Service(Path(name) / "data", {"PYTHONPATH": ""})
        try:
            _measure(service)
        finally:
            service.close()


def _measure(service: Service) -> None:
    command = service.start("up", "--port", "0")
    caller = Caller(command.url())
    completed = [caller.submit(_CLIP, pipeline="frames") for _ in range(3)]
    for job_id in completed:
        caller.wait_for(job_id, "completed")
    caller.http.close()
    before = api_memory(command.process.pid) / _MB
    load = mixed_load(
        command.url(),
        _CLIP.read_bytes(),
        completed,
        connections=_CONNECTIONS,
        duration_s=_DURATION_S,
        most_jobs=_MOST_JOBS,
    )
    after = api_memory(command.process.pid) / _MB
    rates = ", ".join(f"{kind} {count / _DURATION_S:.0f} /s" for kind, count in sorted(load.done.items()))
    print(f"{_CONNECTIONS} connections, {_DURATION_S:.0f} s: {rates}; {len(load.errors)} errors")
    print(*load.errors[:5], sep="\n")
    print(f"memory of the API: {before:.0f} MB before, {after:.0f} MB after", flush=True)
