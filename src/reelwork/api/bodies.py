"""Request bodies that stop coming, and those that nobody wants to read to their end."""

import asyncio
import math
import time

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwork.errors import UploadStalled

_SMALL_BYTES = 2**16
_DRAINED_BYTES = 2**27
_DRAINING_S = 10.0
_SILENCE_S = 1.0


class Bodies:
    """Gives up on a body that does not go on, and lets a client that still sends read why it was refused.

    A connection that is closed while unread bytes lie there is reset, and the reset overtakes the answer. Therefore
    what the client still sends is read and thrown away, for a while; then the connection is closed, as the answer says.
    A small body is read before the answer, so that the connection can be kept.
    """

    def __init__(self, app: ASGIApp, idle_s: float) -> None:
        self._app = app
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        announced = _announced(scope) if scope["type"] == "http" else 0
        if announced:
            body = _Body(receive, send, self._idle_s, is_small=announced <= _SMALL_BYTES)
            await self._app(scope, body.receive, body.send)
        else:
            await self._app(scope, receive, send)


def _announced(scope: Scope) -> float:
    """Return how many bytes follow the head: infinitely many if it does not say."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return math.inf
        if name == b"content-length":
            return int(value) if value.isdigit() else math.inf
    return 0


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive, send: Send, idle_s: float, *, is_small: bool) -> None:
        self._receive = receive
        self._send = send
        self._idle_s = idle_s
        self._is_small = is_small
        self._is_over = False
        self._waited_s = 0.0

    async def receive(self) -> Message:
        """Return what comes next.

        Raises:
            UploadStalled: Nothing does.
        """
        if self._is_over:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._idle_s - self._waited_s):
                message = await self._next()
        except TimeoutError:
            raise UploadStalled(self._idle_s) from None
        except asyncio.CancelledError:
            # Whoever asks gives up earlier, and asks again.
            self._waited_s += time.monotonic() - began
            raise
        self._waited_s = 0.0
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; it is over only when the client can have read it."""
        starts = message["type"] == "http.response.start"
        if starts and self._is_small:
            await self._drain()
        if not self._is_over:
            if starts:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            elif not message.get("more_body", False):
                await self._send({**message, "more_body": True})
                await self._drain()
                message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _next(self) -> Message:
        message = await self._receive()
        self._is_over = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def _drain(self) -> None:
        left = _DRAINED_BYTES
        until = time.monotonic() + _DRAINING_S
        while not self._is_over and left > 0 and time.monotonic() < until:
            with anyio.move_on_after(_SILENCE_S) as silence:
                left -= len((await self._next()).get("body", b""))
            if silence.cancelled_caught:
                return
