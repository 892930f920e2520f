"""A large upload: how fast beside a server that only writes it, how much memory, and what others feel of it.

Both servers run at the same time and are used in turns, by the same client. The file is an MP4 of which most is
padding: what is inside makes no difference to how it arrives.
"""

import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from benchmarks.rounds import in_ms, percentile
from tests.support.service import Service

_BYTES = 2**30
_ROUNDS = 3
_BLOCK = os.urandom(2**20)
_POLL_EVERY_S = 0.01
_CLIP = Path(__file__).parent.parent / "media" / "midroll-5s.mp4"


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, bare_server(Path(name)) as (theirs, _), _served(Path(name)) as ours:
        url, process = ours
        accepted = httpx.post(f"{url}/video/submit", content=_CLIP.read_bytes(), headers={"Content-Type": "video/mp4"})
        status = accepted.headers["Location"]
        ratios, polls, growths = [], [], []
        for number in range(_ROUNDS + 1):
            bare_s = _seconds(f"{theirs}/raw")
            with _polled(f"{url}{status}") as times, _watched(process) as resident:
                ours_s = _seconds(f"{url}/video/submit?pipeline=frames")
            for path in Path(name).rglob("*.mp4"):
                path.unlink()
            os.sync()
            if number:  # the first round warms both up
                ratios.append(bare_s / ours_s)
                polls += times
                growths.append(max(resident) - resident[0])
                print(f"  body alone {_BYTES / bare_s / 1e6:5.0f} MB/s   upload {_BYTES / ours_s / 1e6:5.0f} MB/s")
        print(f"throughput against the body alone, median: {statistics.median(ratios):.2f}")
        print(f"memory grew by at most {max(growths) / 2**20:.1f} MB")
        print(
            f"other requests meanwhile   {in_ms(polls)}   {len(polls)} of them   worst {percentile(polls, 100):.3f} s"
        )


@contextmanager
def bare_server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run the server that uploads are measured against; give its address and its process."""
    directory = folder / "bare"
    directory.mkdir()
    command = [sys.executable, "-m", "benchmarks.bare_server", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        url = server.stdout.readline().decode().strip()
        try:
            httpx.get(f"{url}/nothing", timeout=30)
            yield url, psutil.Process(server.pid)
        finally:
            server.kill()


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    service = Service(folder / "data", {"PYTHONPATH": ""})
    try:
        command = service.start("serve", "--port", "0")
        yield command.url(), psutil.Process(command.process.pid)
    finally:
        service.close()


def _seconds(url: str) -> float:
    """Send the file from a process of its own, so that what is measured beside it is not held up."""
    command = [sys.executable, "-m", "benchmarks.uploads", url]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


def _send(url: str) -> float:
    parts = urlsplit(url)
    clip = _CLIP.read_bytes()
    padding = _BYTES - len(clip)
    head = (
        f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\n"
        f"Connection: close\r\nContent-Length: {_BYTES}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        began = time.perf_counter()
        connection.sendall(head.encode() + clip + struct.pack(">I4s", padding, b"free"))
        left = padding - 8
        while left:
            left -= connection.send(memoryview(_BLOCK)[:left])
        answer = connection.recv(4096)
        taken = time.perf_counter() - began
    assert answer.split(maxsplit=2)[1] in (b"200", b"202"), answer
    return taken


@contextmanager
def _polled(url: str) -> Iterator[list[float]]:
    """Ask again and again for the time of the context; give how long each answer took."""
    times: list[float] = []
    over = threading.Event()

    def poll() -> None:
        with httpx.Client() as http:
            http.get(url)
            while not over.wait(_POLL_EVERY_S):
                began = time.perf_counter()
                http.get(url).raise_for_status()
                times.append(time.perf_counter() - began)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join()


@contextmanager
def _watched(process: psutil.Process) -> Iterator[list[int]]:
    """Give the resident memory of a process, again and again for the time of the context."""
    resident = [process.memory_info().rss]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_POLL_EVERY_S):
            resident.append(process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield resident
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    print(_send(sys.argv[1]))
