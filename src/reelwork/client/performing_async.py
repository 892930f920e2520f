"""Runs flows in an event loop."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread
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
from reelwork.client.transport import PARTING_S, Service

T = TypeVar("T")


class AsyncPerformer:
    """Does what flows ask for; for any task of one event loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connections = service.connections
        self._http = httpx.AsyncClient(**self._connections)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""
        async with _Run(self._service, self._http, self._connections) as run:
            try:
                step = next(flow)
                while True:
                    step = (await run.done(step))(flow)
            except StopIteration as end:
                outcome: T = end.value
                return outcome

    async def iterate(self, flow: Flow[None]) -> AsyncIterator[Any]:
        """Run a flow as far as its items are wanted."""
        async with _Run(self._service, self._http, self._connections) as run:
            try:
                step = next(flow)
                while True:
                    if isinstance(step, Give):
                        for item in step.items:
                            yield item
                        step = next(flow)
                    else:
                        step = (await run.done(step))(flow)
            except StopIteration:
                return


class _Run:
    """One flow under way, and the answer it has opened."""

    def __init__(self, service: Service, http: httpx.AsyncClient, connections: dict[str, Any]) -> None:
        self._service = service
        self._http = http
        self._connections = connections
        self._opened = AsyncExitStack()
        self._pieces: AsyncIterator[bytes]

    async def __aenter__(self) -> "_Run":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._opened.aclose()

    async def done(self, step: Step) -> Resumption:
        """Do one step."""
        try:
            return with_outcome(await self._do(step))
        except BaseException as error:
            return with_error(error)

    async def _do(self, step: Step) -> Any:
        match step:
            case Send(request) if request.parting:
                # The task is being cancelled: without the shield nothing could be awaited any more.
                with anyio.move_on_after(PARTING_S, shield=True):
                    return await self._send(request)
            case Send(request):
                return await self._send(request)
            case Open(request):
                return await self._open(request)
            case Read():
                with self._service.reaching():
                    return await anext(self._pieces, b"")
            case Pause(seconds):
                return await anyio.sleep(seconds)
            case Work(function):
                return await anyio.to_thread.run_sync(function)
            case Give():
                raise TypeError("a flow that gives items is iterated over")

    async def _send(self, request: Request) -> Answer:
        with self._service.reaching():
            if request.body is None:
                answer = await self._http.send(self._http.build_request(**self._service.written(request)))
            else:
                answer = await self._upload(request)
        return Answer(answer.status_code, answer.headers, answer.content)

    async def _upload(self, request: Request) -> httpx.Response:
        assert request.body is not None
        watch = AnswerWatch(encrypted=self._service.encrypted)
        # A connection of its own: the watch must know it, and one that lay idle may be gone by now.
        async with httpx.AsyncClient(**self._connections) as http:
            written = self._service.written(request)
            content = _told(request.body, watch)
            extensions = {"trace": watch.trace_async}
            return await http.send(http.build_request(**written, content=content, extensions=extensions))

    async def _open(self, request: Request) -> Answer:
        await self._opened.aclose()
        with self._service.reaching():
            answer = await self._http.send(self._http.build_request(**self._service.written(request)), stream=True)
        self._opened.push_async_callback(answer.aclose)
        self._pieces = answer.aiter_bytes()
        return Answer(answer.status_code, answer.headers)


async def _told(body: FileBody, watch: AnswerWatch) -> AsyncIterator[bytes]:
    """Read in threads; who is told of the progress is told in the event loop."""
    told = ProgressTold(body)
    pieces = body.pieces(watch)
    while piece := await anyio.to_thread.run_sync(partial(next, pieces, b"")):
        yield piece
        told.after(piece)
