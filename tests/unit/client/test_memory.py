"""Large files and long results in flat memory, by either client."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from tests.support.memory import peak_growth_bytes
from tests.unit.client.conftest import Connect

MEBIBYTE = 2**20
FRAMES = 100_000


def test_an_upload_of_300_mb(connect: Connect, service_url: str, padded: Callable[[int], Path]) -> None:
    client, path = connect(service_url), padded(300 * MEBIBYTE)
    client.ready()  # what is loaded and made at first does not count
    jobs: list[Any] = []
    assert peak_growth_bytes(lambda: jobs.append(client.submit(path, pipeline="frames", max_frames=1))) < 4 * MEBIBYTE
    assert jobs[0].wait().status == "completed"


class _LongResults(BaseHTTPRequestHandler):
    """Answers with results of 100,000 frames, 9 MB, in either form."""

    line: ClassVar = '{"frame_index":%d,"result":{"time_s":%s,"text":[{"text":"as texts are","confidence":0.9}]}}'

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        for start in range(0, FRAMES, 1000):
            lines = [self.line % (index, index / 25) for index in range(start, start + 1000)]
            self.wfile.write(("\n".join(lines) + "\n").encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's own word
        return


@pytest.fixture(scope="module")
def long_results() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _LongResults) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_frames_of_long_results(connect: Connect, long_results: str) -> None:
    job = connect(long_results).job(uuid4())
    next(job.results())
    count = 0

    def read() -> None:
        nonlocal count
        count = sum(1 for _ in job.results(node="text"))

    assert peak_growth_bytes(read) < 4 * MEBIBYTE
    assert count == FRAMES


def test_long_results_are_saved(connect: Connect, long_results: str) -> None:
    class Counting(RawIOBase):
        size = 0

        def write(self, data: Any) -> int:
            self.size += len(data)
            return len(data)

    job, file = connect(long_results).job(uuid4()), Counting()
    job.save_results(BytesIO())
    assert peak_growth_bytes(lambda: job.save_results(file)) < 4 * MEBIBYTE  # type: ignore[arg-type]
    assert file.size > 8 * MEBIBYTE
