"""Check a running service from outside: submit a video, poll, fetch its results, check them, delete, and see it gone.

    REELWORK_API_KEY=rw_... python3 scripts/smoke_test.py --url https://reelwork.example.org

It is for an operator after a deploy, on any machine with Python 3.11 or newer, and therefore needs nothing but the
standard library: no Reelwork has to be installed there, and a mistake of Reelwork's own client cannot hide one of the
service. What the service promises is written down here once more.

Each step is one line. The exit code is 0 if all was as promised, 1 if something was not (standard error says what) and
2 if the command line is wrong. The job is deleted in any case; if even that fails, the service removes it by itself an
hour after its end. The API key needs the scopes ``submit`` and ``read``.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

CLIP = Path(__file__).parent.parent / "media" / "midroll-5s.mp4"
CLIP_TIMES_S = [frame / 25 for frame in range(125)]
PROGRESS: Mapping[str, float] = {"pending": 0, "running": 0.5, "completed": 1.0, "failed": 1.0}
POLL_EVERY_S = 0.2
CLEAN_UP_S = 10.0
RETENTION_S = 3600


class CheckFailed(Exception):
    """The service did not answer as promised; the message says what it did."""


@dataclass(frozen=True)
class Service:
    """A service, asked without proxies and redirects, each time over a new connection."""

    url: str
    api_key: str | None
    deadline: float
    """On the monotonic clock, in seconds."""
    too_late: str = "the time given with --timeout is over"
    """What is said when it has passed."""

    def ask(self, method: str, path: str, *expected: int, body: bytes | None = None) -> Any:
        """Send a request; return the JSON document of the answer, or None if that has no body.

        Raises:
            CheckFailed: No answer came in time, one with another status than those expected, or one that is no JSON.
        """
        try:
            status, content = self._exchange(method, path, body)
        except (OSError, HTTPException) as error:
            # A last poll may be given up after a moment: that the service is slow would be wrong to say.
            late = time.monotonic() >= self.deadline
            reason = self.too_late if late else str(error) or type(error).__name__
            raise CheckFailed(f"{method} {self.url}{path}: {reason}") from error
        if status not in expected:
            raise CheckFailed(f"{method} {path} answered {status} instead of {expected[0]}: {_reason(content)}")
        try:
            return json.loads(content) if content else None
        except ValueError as error:
            raise CheckFailed(f"{method} {path} answered no JSON: {_reason(content)}") from error

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(parts.hostname or "", parts.port, timeout=self.left_s())
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        if body is not None:
            headers["Content-Type"] = "video/mp4"
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            content = b""
            while piece := response.read1():
                content += piece
                self.left_s()
        finally:
            connection.close()
        return response.status, content

    def left_s(self) -> float:
        """Return how much time is left, in seconds.

        Raises:
            CheckFailed: None is.
        """
        left_s = self.deadline - time.monotonic()
        expect(left_s > 0, self.too_late)
        return left_s


def smoke_test(service: Service, video: Path, pipeline: str) -> None:
    """Lead one job through its whole life.

    Raises:
        CheckFailed: The service did not do as promised. The job is deleted nevertheless.
    """
    job_id = submit(service, video, pipeline)
    try:
        _say("submitted", f"{video.name} is job {job_id}")
        wait(service, job_id)
        _say("completed", "the statuses and their progress are right")
        results = member(service.ask("GET", f"/video/results/{job_id}", 200), "results", list, job_id=job_id)
        check_frames(results, CLIP_TIMES_S if video == CLIP else None)
        _say("answered", f"{len(results)} frames, each with its index and its time")
        service.ask("DELETE", f"/video/jobs/{job_id}", 204)
        for path in (f"/video/status/{job_id}", f"/video/results/{job_id}"):
            service.ask("GET", path, 404)
        _say("deleted", "the job and its results are gone")
    except BaseException:
        clean_up(service, job_id)
        raise


def submit(service: Service, video: Path, pipeline: str) -> str:
    """Send the video and return the id of the job."""
    options = urlencode({"pipeline": pipeline, "tags": "smoke-test", "retention_s": RETENTION_S})
    job_id = member(service.ask("POST", f"/video/submit?{options}", 202, body=video.read_bytes()), "job_id", str)
    try:
        return str(UUID(job_id))
    except ValueError as error:
        raise CheckFailed(f"the job's id is no UUID: {job_id!r}") from error


def wait(service: Service, job_id: str) -> None:
    """Poll until the job is completed, and check what is told meanwhile."""
    too_late = service.too_late
    while True:
        document = service.ask("GET", f"/video/status/{job_id}", 200)
        status = member(document, "status", str, job_id=job_id)
        progress = member(document, "progress", (int, float))
        expect(status in PROGRESS, f"there is no status {status!r}")
        expect(progress == PROGRESS[status], f"the progress of a {status} job is {progress}, not {PROGRESS[status]}")
        if status == "failed":
            told = service.ask("GET", f"/video/results/{job_id}", 404)
            raise CheckFailed(f"the job failed: {member(told, 'detail', str)}")
        if status == "completed":
            return
        told = f"{too_late}; the job is still {status}" + ": does a worker run?" * (status == "pending")
        service = replace(service, too_late=told)
        time.sleep(min(POLL_EVERY_S, service.left_s()))


def check_frames(results: Sequence[Any], times_s: Sequence[float] | None) -> None:
    """Check that every frame is there, once and in order.

    Args:
        results: The entries of the results document.
        times_s: The exact times of all frames, if they are known.
    """
    expect(bool(results), "the results are empty")
    indexes = [member(entry, "frame_index", int) for entry in results]
    answers = [member(entry, "result", dict) for entry in results]
    times = [member(answer, "time_s", (int, float)) for answer in answers]
    expect(indexes == list(range(len(results))), f"the frames are not numbered 0, 1, 2, ...: {indexes}")
    expect(all(early < late for early, late in pairwise(times)), f"the times of the frames do not grow: {times}")
    expect(times_s is None or times == times_s, f"the times of the frames are wrong: {times}")
    expect(all(answer.keys() == answers[0].keys() for answer in answers), "some frames lack the answer of a node")


def clean_up(service: Service, job_id: str) -> None:
    """Delete the job, if it is still there, after a check has failed."""
    try:
        too_late = f"it was not done within {CLEAN_UP_S:g} s"
        late = replace(service, deadline=time.monotonic() + CLEAN_UP_S, too_late=too_late)
        late.ask("DELETE", f"/video/jobs/{job_id}", 204, 404)
    except CheckFailed as failure:
        print(f"The job {job_id} could not be deleted: {failure}", file=sys.stderr)


def member(document: Any, name: str, kind: type | tuple[type, ...], job_id: str | None = None) -> Any:
    """Return a member of a document that has to have it, and on request has to be about a job.

    Raises:
        CheckFailed: It is missing or of another type, or the document is about another job.
    """
    value = document.get(name) if isinstance(document, dict) else None
    expect(isinstance(value, kind), f"{name!r} is missing or of the wrong type in {_cut(repr(document))}")
    if job_id is not None:
        told = member(document, "job_id", str)
        expect(told == job_id, f"asked for the job {job_id}, it answered about {told!r}")
    return value


def expect(promise: bool, otherwise: str) -> None:
    """Raise CheckFailed with the message if something is not as promised."""
    if not promise:
        raise CheckFailed(otherwise)


def main(command_line: Sequence[str] | None = None) -> int:
    """Run the smoke test as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description="Check a running Reelwork service with one short job.")
    given = os.environ.get("REELWORK_URL") or "http://127.0.0.1:8000"
    parser.add_argument("--url", type=_url, default=given, help="where the service is (REELWORK_URL; %(default)s)")
    parser.add_argument("--api-key", help="better set REELWORK_API_KEY: others can read command lines")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for all of it (%(default)s)")
    parser.add_argument("--pipeline", default="text", help="the pipeline to run (%(default)s)")
    parser.add_argument("video", type=Path, nargs="?", default=CLIP, help="a short MP4 (%(default)s)")
    arguments = parser.parse_args(command_line)
    api_key = arguments.api_key or os.environ.get("REELWORK_API_KEY")
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        parser.error("the API key holds a character that no API key has")
    began = time.monotonic()
    try:
        smoke_test(Service(arguments.url, api_key, began + arguments.timeout), arguments.video, arguments.pipeline)
    except CheckFailed as failure:
        print(f"FAILED: {_cut(str(failure))}", file=sys.stderr)
        return 1
    except OSError as error:
        parser.error(f"{arguments.video}: {error.strerror}")
    _say("passed", f"{arguments.url} works, in {time.monotonic() - began:.1f} s")
    return 0


def _url(written: str) -> str:
    parts = urlsplit(written)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise argparse.ArgumentTypeError(f"{written!r} is not the URL of a service, such as http://127.0.0.1:8000")
    return written.rstrip("/")


def _reason(content: bytes) -> str:
    """Return what a problem says, or the beginning of what is no problem."""
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, TypeError, KeyError):
        return _cut(repr(content))


def _cut(text: str) -> str:
    return text if len(text) <= 400 else f"{text[:400]}..."


def _say(step: str, what: str) -> None:
    print(f"{step:<10} {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
