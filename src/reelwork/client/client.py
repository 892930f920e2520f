"""The client: one method for each call of the service, and waiting."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec

from reelwork.client.answers import JobState, Pipeline, Results
from reelwork.client.errors import ConnectionLost, ServiceProblem, ServiceUnreachable, UnexpectedAnswer, WaitTimedOut
from reelwork.client.upload import AnswerWatch, Progress, pieces
from reelwork.errors import ConfigurationError

T = TypeVar("T")

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PROBLEM = "application/problem+json"
_LONGEST_PAUSE_S = 2.0
_PAUSE_GROWTH = 1.5
_OUTAGE_S = 30.0


class Client:
    """Talks to one service. A context manager; safe to share between threads.

    Every method raises ``ServiceProblem`` when the service refuses, ``ServiceUnreachable`` when it does not
    answer (``ConnectionLost`` when it no longer does), and ``UnexpectedAnswer`` when something else answers.
    """

    def __init__(self, base_url: str = "http://127.0.0.1:8000", *, timeout_s: float = 60.0) -> None:
        """Make a client; nothing is sent yet.

        Args:
            base_url: Where the service is.
            timeout_s: How long it may stay silent before the connection counts as lost.

        Raises:
            ConfigurationError: ``base_url`` is not an http or https URL.
        """
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._host = _host(self.base_url)
        self._http = self._connections()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self,
        path: str | os.PathLike[str],
        *,
        pipeline: str | None = None,
        frame_stride: int | None = None,
        max_frames: int | None = None,
        on_progress: Progress | None = None,
    ) -> UUID:
        """Send an MP4, in flat memory; when this returns, the job is safe.

        Args:
            path: The file.
            pipeline: Name of the pipeline to run; None leaves the choice to the service.
            frame_stride: Analyse every n-th frame.
            max_frames: Analyse at most so many.
            on_progress: Called with (bytes sent, bytes in all), from (0, all) to (all, all).

        Returns:
            The id of the job.

        Raises:
            OSError: The file cannot be read.
            ReelworkError: See the class.
        """
        options = {"pipeline": pipeline, "frame_stride": frame_stride, "max_frames": max_frames}
        given = {name: value for name, value in options.items() if value is not None}
        watch = AnswerWatch(encrypted=self.base_url.startswith("https:"))
        # A connection of its own: the watch must know it, and one that lay idle may be gone by now.
        with Path(path).open("rb") as file, self._reaching(), self._connections() as http:
            total = os.fstat(file.fileno()).st_size
            response = http.post(
                "/video/submit",
                params=given,
                headers={"Content-Type": "video/mp4", "Content-Length": str(total)},
                content=pieces(file, total, on_progress, watch),
                extensions={"trace": watch.trace},
            )
        return UUID(self._decoded(response, dict[str, str])["job_id"])

    def status(self, job_id: UUID | str) -> JobState:
        """Ask where a job stands."""
        return self._get(f"/video/status/{job_id}", JobState)

    def wait(
        self,
        job_id: UUID | str,
        *,
        poll_interval_s: float = 0.1,
        timeout_s: float | None = None,
        on_state: Callable[[JobState], None] | None = None,
    ) -> JobState:
        """Ask until the job has ended, gently less often up to every 2 s, and return how.

        A service that is away for less than half a minute, to be started anew for example, is waited for.

        Args:
            job_id: The job.
            poll_interval_s: The first pause.
            timeout_s: How long to wait; None for as long as it takes.
            on_state: Called with every answer.

        Raises:
            WaitTimedOut: The job has not ended within ``timeout_s``.
            ReelworkError: See the class.
        """
        began = time.monotonic()
        pause = poll_interval_s
        while True:
            state = self._status_after_outage(job_id)
            if on_state:
                on_state(state)
            if state.ended:
                return state
            if timeout_s is not None and time.monotonic() - began + pause > timeout_s:
                raise WaitTimedOut(job_id, state.status, timeout_s)
            time.sleep(pause)
            pause = min(pause * _PAUSE_GROWTH, max(_LONGEST_PAUSE_S, poll_interval_s))

    def results(self, job_id: UUID | str) -> Results:
        """Fetch and parse the results of a completed job; see ``save_results`` for very long videos."""
        return self._get(f"/video/results/{job_id}", Results)

    def save_results(self, job_id: UUID | str, stream: BinaryIO) -> int:
        """Write the results document to a binary stream as it arrives, in flat memory; return its size.

        Nothing is written when the service refuses; half a document may be when the connection is lost.
        """
        size = 0
        with self._opened_results(job_id) as response:
            for piece in response.iter_bytes():
                stream.write(piece)
                size += len(piece)
        return size

    def failure(self, job_id: UUID | str) -> str | None:
        """Return why a job failed; None if it did not."""
        try:
            with self._opened_results(job_id):
                return None
        except ServiceProblem as problem:
            if "error_message" not in problem.members:
                raise
            reason: str | None = problem.members["error_message"]
            return reason

    def pipelines(self) -> list[Pipeline]:
        """List the pipelines of the service, also those that cannot be used there now."""
        return self._get("/pipelines", dict[str, list[Pipeline]])["pipelines"]

    def _connections(self) -> httpx.Client:
        # A proxy of the environment is never the way to the own machine.
        return httpx.Client(base_url=self.base_url, timeout=self._timeout_s, trust_env=self._host not in _LOOPBACK)

    @contextmanager
    def _opened_results(self, job_id: UUID | str) -> Iterator[httpx.Response]:
        with self._reaching(), self._http.stream("GET", f"/video/results/{job_id}") as response:
            if not response.is_success:
                response.read()
            self._refuse_errors(response)
            yield response

    def _status_after_outage(self, job_id: UUID | str) -> JobState:
        deadline = time.monotonic() + _OUTAGE_S
        while True:
            try:
                return self.status(job_id)
            except (ServiceUnreachable, ServiceProblem) as error:
                passing = not isinstance(error, ServiceProblem) or error.status == 503
                if not passing or time.monotonic() > deadline:
                    raise
                time.sleep(_LONGEST_PAUSE_S)

    def _get(self, path: str, kind: type[T]) -> T:
        with self._reaching():
            response = self._http.get(path)
        return self._decoded(response, kind)

    def _decoded(self, response: httpx.Response, kind: type[T]) -> T:
        self._refuse_errors(response)
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(self.base_url, str(error)) from error

    def _refuse_errors(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.headers.get("content-type") != _PROBLEM:
            raise UnexpectedAnswer(self.base_url, f"it answered {response.status_code} {response.reason_phrase}.")
        raise ServiceProblem(msgspec.json.decode(response.content, type=dict[str, Any]))

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn the transport's errors into this client's."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ServiceUnreachable(self.base_url) from error
        except httpx.TransportError as error:
            silent = isinstance(error, httpx.TimeoutException)
            reason = f"nothing came for {self._timeout_s:g} s." if silent else f"{error}."
            raise ConnectionLost(self.base_url, reason) from error


def _host(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{url!r} is not the URL of a service. One looks like this: http://127.0.0.1:8000")
    return parts.hostname
