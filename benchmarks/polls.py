"""Status polls of a real `reelwork serve`, on SQLite, against a bare FastAPI route that returns a constant.

Both are uvicorn processes, asked in turns by the same client; once with API keys and once without. Half of the bare
route's rate is what is to be reached.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.requests_at_once import requests_per_s
from reelwork.access.caller import Scope
from reelwork.bootstrap.access import open_keys
from reelwork.settings import Settings
from tests.support.service import Caller, Service

_CONNECTIONS = (1, 16, 64)
_ROUNDS = 5
_ROUND_S = 1.0
_CLIP = Path(__file__).parent.parent / "media" / "midroll-5s.mp4"


def run() -> None:
    """Measure and print."""
    with _bare() as bare:
        for name, environment in (("no keys", {}), ("keys", {"REELWORK_REQUIRE_KEYS": "true"})):
            with tempfile.TemporaryDirectory() as folder, _served(Path(folder), environment) as (url, headers):
                for connections in _CONNECTIONS:
                    _compare(f"{name:<8} {connections:>2} connections", bare, url, headers, connections)


def _compare(name: str, bare: str, url: str, headers: str, connections: int) -> None:
    theirs, ours = [], []
    for _ in range(_ROUNDS):
        theirs.append(requests_per_s(bare, connections, _ROUND_S))
        ours.append(requests_per_s(url, connections, _ROUND_S, headers))
    ratio = median(our / their for our, their in zip(ours, theirs, strict=True))
    print(f"{name}   bare {median(theirs):6.0f} /s   polls {median(ours):6.0f} /s   ratio {ratio:.2f}", flush=True)


@contextmanager
def _bare() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare"], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip() + "/constant"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def _served(folder: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give the URL of a status, and the headers to ask with."""
    service = Service(folder / "data", {"PYTHONPATH": "", **environment})
    key = open_keys(Settings.load(data_dir=service.data_dir)).make("polls", [Scope.READ, Scope.SUBMIT])
    try:
        url = service.start("serve", "--port", "0").url()
        caller = Caller(url)
        caller.http.headers["Authorization"] = f"Bearer {key}"
        job_id = caller.submit(_CLIP, pipeline="frames")
        caller.http.close()
        yield f"{url}/video/status/{job_id}", f"Authorization: Bearer {key}\r\n"
    finally:
        service.close()


if __name__ == "__main__":
    run()
