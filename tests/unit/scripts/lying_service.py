"""A service that keeps its promises in memory, but for the answers that a test has it change."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

JOB = "1e36d802-1636-4e67-abf5-1aae82479871"
SUBMIT, STATUS, RESULTS = "POST /video/submit", f"GET /video/status/{JOB}", f"GET /video/results/{JOB}"
DELETE = f"DELETE /video/jobs/{JOB}"

Answer = tuple[int, Any]
"""Status and document, or bytes that are none."""


def frames(count: int = 125) -> list[dict[str, Any]]:
    """The results of the clip that comes with the smoke test."""
    return [{"frame_index": index, "result": {"time_s": index / 25, "text": []}} for index in range(count)]


def state(status: str, progress: float) -> Answer:
    """The answer to a poll."""
    return 200, {"job_id": JOB, "status": status, "progress": progress}


def results(entries: list[Any]) -> Answer:
    """The answer to a request for the results."""
    return 200, {"job_id": JOB, "results": entries}


NO_SUCH_JOB: Answer = (404, {"detail": "There is no such job."})
HONEST: Mapping[str, list[Answer]] = {
    SUBMIT: [(202, {"job_id": JOB})],
    STATUS: [state("pending", 0), state("running", 0.5), state("completed", 1.0)],
    RESULTS: [results(frames())],
    DELETE: [(204, b"")],
}


@dataclass
class LyingService:
    """What it answers to each call, one answer after the other and the last one for ever, and what it was asked."""

    lies: Mapping[str, list[Answer]]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    deleted: bool = False

    def answer(self, call: str) -> Answer:
        """Answer a call."""
        nth = self.asked.count(call)
        self.asked.append(call)
        answers = self.lies.get(call, [NO_SUCH_JOB] if self.deleted else HONEST[call])
        status, document = answers[min(nth, len(answers) - 1)]
        self.deleted |= call == DELETE and status == 204
        return status, document


@contextmanager
def lying(lies: Mapping[str, list[Answer]]) -> Iterator[LyingService]:
    """Serve it."""
    service = LyingService(lies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def do_DELETE(self) -> None:
            self._answer()

        def _answer(self) -> None:
            status, document = service.answer(f"{self.command} {urlsplit(self.path).path}")
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield service
        server.shutdown()
        thread.join()
