"""HTTP/1.1 as uvicorn speaks it, with bounds on what a client may take of the server before a request is there.

uvicorn bounds neither the head of a request nor the time it takes to come, and answers in plain text what it refuses by
itself. Here every such answer is a problem like those of the routes.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reelwork.api.problem_types import BY_STATUS
from reelwork.api.problems import MEDIA_TYPE, RETRY_AFTER_S, document

HEAD_BYTES = 2**16
"""The longest request line and headers together."""

HEAD_S = 20.0
"""How long they may take to come, counted from the connection or from the first byte after an answer."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    max_connections = 512
    _head_bytes = 0
    _awaits_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, or refuse if there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"Retry-After: {RETRY_AFTER_S}\r\n")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, as long as it may still be the head of a request."""
        if self.transport.is_closing():
            return
        if self._awaits_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._await_head()
        super().data_received(data)
        # Only now: much of what came in one piece may be the body.
        if self._awaits_head and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Let the request begin."""
        self._awaits_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for the next head; its time runs from its first byte, and until then uvicorn's own keep-alive time."""
        super().on_message_complete()
        self._awaits_head = True

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: HTTPStatus, headers: str = "") -> None:
        self._stop_timer()
        if not self._is_answering():
            kind = BY_STATUS[status]
            body = document("", kind, kind.meaning)
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {MEDIA_TYPE}\r\n"
                f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n{headers}Connection: close\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _is_answering(self) -> bool:
        """Say whether an answer is on its way, so that nothing else can be said."""
        cycle: Any = self.cycle  # uvicorn says it is always there
        return cycle is not None and not cycle.response_complete


def bounded(max_connections: int) -> type[Any]:
    """Return the protocol for a server that serves so many connections at once."""
    return type("BoundedProtocol", (BoundedProtocol,), {"max_connections": max_connections})
