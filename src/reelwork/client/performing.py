"""Runs flows, blocking."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import httpx

from reelwork.client.body import AnswerWatch, FileBody, ProgressTold
from reelwork.client.flow import (
    Answer,
    Flow,
    Give,
    Open,
    Pause,
    Read,
    Request,
    Resumption,
    Send,
    Step,
    Work,
    with_error,
    with_outcome,
)
from reelwork.client.transport import Service

T = TypeVar("T")


class Performer:
    """Does what flows ask for; for any thread."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connections = service.connections
        self._http = httpx.Client(**self._connections)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""
        with _Run(self._service, self._http, self._connections) as run:
            try:
                step = next(flow)
                while True:
                    step = (run.done(step))(flow)
            except StopIteration as end:
                outcome: T = end.value
                return outcome

    def iterate(self, flow: Flow[None]) -> Iterator[Any]:
        """Run a flow as far as its items are wanted."""
        with _Run(self._service, self._http, self._connections) as run:
            try:
                step = next(flow)
                while True:
                    if isinstance(step, Give):
                        yield from step.items
                        step = next(flow)
                    else:
                        step = (run.done(step))(flow)
            except StopIteration:
                return


class _Run:
    """One flow under way, and the answer it has opened."""

    def __init__(self, service: Service, http: httpx.Client, connections: dict[str, Any]) -> None:
        self._service = service
        self._http = http
        self._connections = connections
        self._opened = ExitStack()
        self._pieces: Iterator[bytes] = iter(())

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    def done(self, step: Step) -> Resumption:
        """Do one step."""
        try:
            return with_outcome(self._do(step))
        except BaseException as error:
            return with_error(error)

    def _do(self, step: Step) -> Any:
        match step:
            case Send(request):
                return self._send(request)
            case Open(request):
                return self._open(request)
            case Read():
                with self._service.reaching():
                    return next(self._pieces, b"")
            case Pause(seconds):
                return time.sleep(seconds)
            case Work(function):
                return function()
            case Give():
                raise TypeError("a flow that gives items is iterated over")

    def _send(self, request: Request) -> Answer:
        with self._service.reaching():
            if request.body is None:
                answer = self._http.send(self._http.build_request(**self._service.written(request)))
            else:
                answer = self._upload(request)
        return Answer(answer.status_code, answer.headers, answer.content)

    def _upload(self, request: Request) -> httpx.Response:
        assert request.body is not None
        watch = AnswerWatch(encrypted=self._service.encrypted)
        # A connection of its own: the watch must know it, and one that lay idle may be gone by now.
        with httpx.Client(**self._connections) as http:
            written = self._service.written(request)
            content = _told(request.body, watch)
            return http.send(http.build_request(**written, content=content, extensions={"trace": watch.trace}))

    def _open(self, request: Request) -> Answer:
        self._opened.close()
        with self._service.reaching():
            answer = self._http.send(self._http.build_request(**self._service.written(request)), stream=True)
        self._opened.callback(answer.close)
        self._pieces = answer.iter_bytes()
        return Answer(answer.status_code, answer.headers)


def _told(body: FileBody, watch: AnswerWatch) -> Iterator[bytes]:
    told = ProgressTold(body)
    for piece in body.pieces(watch):
        yield piece
        told.after(piece)
