"""Reading 200,000 frame results from a real `reelwork serve`, whole, in part and in other forms.

For each: the time to the first byte, to the last, how much the server's memory grew at its peak, and how long
status polls took meanwhile, from a process of their own. Beside it stands a bare FastAPI route, in uvicorn as well,
that loads the same document and returns it.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from benchmarks.processes import running
from benchmarks.rounds import in_ms
from tests.support.documents import complete_with, write_document
from tests.support.memory import forget_peak, peak_bytes
from tests.support.service import Service

FRAMES = 200_000
_READ_BYTES = 2**16
_POLL_PAUSE_S = 0.005
_QUIET_S = 3.0

# The name, the query, and further headers.
_WAYS: list[tuple[str, str, dict[str, str]]] = [
    ("whole", "", {}),
    ("whole, gzip", "", {"Accept-Encoding": "gzip"}),
    ("whole, zstd", "", {"Accept-Encoding": "zstd"}),
    ("one of two nodes", "?node=text", {}),
    ("min_confidence", "?min_confidence=0.9", {}),
    ("found in no frame", "?q=nowhere&nonempty=true", {}),
    ("a minute of it", "?start_s=3600&end_s=3660", {}),
    ("first page of 1000", "?limit=1000", {}),
    ("last page of 1000", "?limit=1000&cursor={last}", {}),
    ("ndjson", "?format=ndjson", {}),
    ("csv", "?format=csv", {}),
    ("vtt", "?format=vtt", {}),
    ("coco", "?format=coco", {}),
]

_BARE = """
import json, socket, sys
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()

@app.get("/video/results/{job_id}")
def results(job_id: str):
    with open(sys.argv[1], "rb") as document:
        return JSONResponse(json.load(document))

@app.get("/video/status/{job_id}")
def status(job_id: str):
    return {"job_id": job_id, "status": "completed", "progress": 1.0}

listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listening])
"""


@dataclass(frozen=True)
class _Server:
    address: str
    pid: int
    job_id: UUID


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        document = Path(name) / "document.json"
        with _reelwork(Path(name) / "data", document) as server:
            print(f"{FRAMES:,} frames, {document.stat().st_size / 2**20:.0f} MiB; status polls meanwhile")
            quiet = _polled(server, lambda: time.sleep(_QUIET_S))
            print(f"{'nothing else':<24}{'':48} {in_ms(quiet)}", flush=True)
            last = _last_cursor(server)
            for name_of_way, query, headers in _WAYS:
                _measure(name_of_way, server, query.format(last=last), headers)
        with _bare(document) as server:
            _measure("bare FastAPI, whole", server, "", {})


def _measure(name: str, server: _Server, query: str, headers: dict[str, str]) -> None:
    _fetch(server, "?limit=1", {}) if query else None
    forget_peak(server.pid)
    before = peak_bytes(server.pid)
    got: list[tuple[float, float, int]] = []
    polls = _polled(server, lambda: got.append(_fetch(server, query, headers)))
    ((first_s, whole_s, size),) = got
    grown = (peak_bytes(server.pid) - before) / 2**20
    print(
        f"{name:<24}first byte {first_s * 1000:7.1f} ms   all {whole_s:6.2f} s  {size / 2**20:6.1f} MiB"
        f"   memory +{grown:5.1f} MiB   {in_ms(polls)}",
        flush=True,
    )


def _fetch(server: _Server, query: str, headers: dict[str, str]) -> tuple[float, float, int]:
    """Return the seconds until the first byte of the body and until the last, and its size."""
    with closing(http.client.HTTPConnection(server.address)) as connection:
        began = time.perf_counter()
        connection.request("GET", f"/video/results/{server.job_id}{query}", headers=headers)
        answer = connection.getresponse()
        size = len(answer.read(1))
        first_s = time.perf_counter() - began
        assert answer.status == http.HTTPStatus.OK, answer.read()
        while piece := answer.read(_READ_BYTES):
            size += len(piece)
        return first_s, time.perf_counter() - began, size


def _last_cursor(server: _Server) -> str:
    """Go through the pages and return the cursor of the last one."""
    cursor = ""
    with closing(http.client.HTTPConnection(server.address)) as connection:
        while True:
            after = f"&cursor={cursor}" if cursor else ""
            connection.request("HEAD", f"/video/results/{server.job_id}?limit=1000{after}")
            answer = connection.getresponse()
            answer.read()
            link = answer.headers["Link"]
            if link is None:
                return cursor
            cursor = link.partition("cursor=")[2].partition(">")[0]


def _polled(server: _Server, work: Callable[[], object]) -> list[float]:
    """Work while another process polls the status; return how long each poll took."""
    with running(_poll, server.address, str(server.job_id)) as polls:
        polls.recv()
        work()
        polls.send("enough")
        taken: list[float] = polls.recv()
        return taken


def _poll(connection: "Connection[Any, Any]", address: str, job_id: str) -> None:
    with closing(http.client.HTTPConnection(address)) as http_connection:
        taken: list[float] = []
        while not connection.poll():
            began = time.perf_counter()
            http_connection.request("GET", f"/video/status/{job_id}")
            http_connection.getresponse().read()
            if not taken:
                connection.send("begun")
            taken.append(time.perf_counter() - began)
            time.sleep(_POLL_PAUSE_S)
        connection.send(taken)


@contextmanager
def _reelwork(data_dir: Path, document: Path) -> Iterator[_Server]:
    service = Service(data_dir, {"PYTHONPATH": ""})
    try:
        api = service.start("serve", "--port", "0")
        address = urlsplit(api.url()).netloc
        job_id = complete_with(data_dir, lambda job_id, stream: write_document(stream, job_id, FRAMES))
        (stored,) = (data_dir / "files" / "video_results").rglob("*.json")
        os.link(stored, document)
        yield _Server(address, api.process.pid, job_id)
    finally:
        service.close()


@contextmanager
def _bare(document: Path) -> Iterator[_Server]:
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(document)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        time.sleep(1)
        yield _Server(address, process.pid, UUID(int=0))
    finally:
        process.kill()
        process.wait()
