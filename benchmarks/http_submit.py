"""The whole way of a small MP4 over HTTP into a real `reelwork serve`, by the number of clients.

Each is received, written and fsynced, renamed, its directory fsynced, opened by a probe process, and its row
committed on SQLite before the answer. The clients are threads on the same machine, with connections that stay open.
No queue takes files; beside it stands what the same disk takes for the file alone, written as durably by as many
threads. Then the same file against a bare route: FastAPI, an `UploadFile` that is written as durably, a row inserted
through SQLAlchemy, and no look into the file. Both servers run side by side and are used in turns.
"""

import http.client
import os
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import av
import numpy as np

from benchmarks.rounds import in_ms, percentile, repeated_for
from benchmarks.uploads import bare_server
from tests.support.service import Service

_CLIENTS = (1, 4, 16)
_DURATION_S = 6.0
_ROUNDS = 3
_START_TIMEOUT_S = 60.0
_FRAMES = 25
_WIDTH, _HEIGHT = 320, 240
_HEADERS = {"Content-Type": "video/mp4"}

_Submit = Callable[[], object]


class _RefusedError(Exception):
    pass


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, _served(Path(name) / "data") as url:
        folder = Path(name)
        clip = _encoded(folder / "clip.mp4")
        _compare_with_a_bare_route(folder, url, clip)
        print(f"An MP4 of {len(clip):,} bytes, {_WIDTH} x {_HEIGHT}")
        for clients in _CLIENTS:
            alone = _measure(f"{clients:>2} clients   file alone  ", clients, lambda: _writing(folder, clip))
            whole = _measure(f"{clients:>2} clients   whole submit", clients, lambda: _posting(url, clip))
            print(
                f"{clients:>2} clients   whole submit against the file alone, median: {whole / alone:.1f}", flush=True
            )


def _compare_with_a_bare_route(folder: Path, url: str, clip: bytes) -> None:
    clients, ratios = max(_CLIENTS), []
    with bare_server(folder) as (bare, _):
        for _ in range(_ROUNDS):
            theirs = _rate(clients, lambda: _posting_form(f"{bare}/form", clip))
            ours = _rate(clients, lambda: _posting_form(f"{url}/video/submit?pipeline=frames", clip))
            ratios.append(ours / theirs)
            print(f"{clients:>2} clients   bare route {theirs:6.0f} /s   whole submit {ours:6.0f} /s", flush=True)
    print(f"{clients:>2} clients   whole submit against the bare route, median: {statistics.median(ratios):.2f}")


def _rate(clients: int, client: Callable[[], AbstractContextManager[_Submit]]) -> float:
    return sum(len(taken) for taken, _ in _from_threads(clients, client)) / _DURATION_S


def _measure(name: str, clients: int, client: Callable[[], AbstractContextManager[_Submit]]) -> float:
    answers = _from_threads(clients, client)
    seconds = [one for taken, _ in answers for one in taken]
    refused = sum(errors for _, errors in answers)
    print(f"{name} {len(seconds) / _DURATION_S:6.0f} /s   {in_ms(seconds)}   refused {refused}", flush=True)
    return percentile(seconds, 50)


def _from_threads(count: int, client: Callable[[], AbstractContextManager[_Submit]]) -> list[tuple[list[float], int]]:
    """Run as many clients, each a context that gives how to submit; all begin at once."""
    begin = threading.Barrier(count, timeout=_START_TIMEOUT_S)

    def work() -> tuple[list[float], int]:
        with client() as submit:
            submit()
            begin.wait()
            return repeated_for(_DURATION_S, submit, _RefusedError)

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(work) for _ in range(count)]
        return [future.result() for future in futures]


@contextmanager
def _served(data_dir: Path) -> Iterator[str]:
    service = Service(data_dir, {"PYTHONPATH": ""})
    try:
        yield service.start("serve", "--port", "0").url()
    finally:
        service.close()


@contextmanager
def _posting(url: str, clip: bytes) -> Iterator[_Submit]:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:

        def post() -> None:
            connection.request("POST", "/video/submit", clip, _HEADERS)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != http.HTTPStatus.ACCEPTED:
                raise _RefusedError(content)

        yield post


@contextmanager
def _posting_form(url: str, clip: bytes) -> Iterator[_Submit]:
    parts = urlsplit(url)
    boundary = uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    body = head.encode() + clip + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with closing(http.client.HTTPConnection(parts.netloc)) as connection:

        def post() -> None:
            connection.request("POST", f"{parts.path}?{parts.query}", body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status not in (http.HTTPStatus.OK, http.HTTPStatus.ACCEPTED):
                raise _RefusedError(content)

        yield post


@contextmanager
def _writing(folder: Path, clip: bytes) -> Iterator[_Submit]:
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def write() -> None:
        path = folder / str(uuid4())
        with path.open("xb") as stream:
            stream.write(clip)
            stream.flush()
            os.fsync(stream.fileno())
        path.rename(path.with_suffix(".mp4"))
        os.fsync(directory)

    try:
        yield write
    finally:
        os.close(directory)


def _encoded(path: Path) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number in range(_FRAMES):
            picture = np.full((_HEIGHT, _WIDTH, 3), number * 8, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path.read_bytes()
