"""The body of a request: part of a file, sent in pieces, which stops as soon as the service has answered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import httpcore

from reelwork.errors import ReelworkError

PIECE_BYTES = 2**18

Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and their total."""


@dataclass(frozen=True)
class FileBody:
    """``size`` bytes of a file of ``total`` bytes, from ``offset`` on."""

    file: BinaryIO
    offset: int
    size: int
    total: int
    on_progress: Progress

    def pieces(self, watch: "AnswerWatch") -> Iterator[bytes]:
        """Yield the bytes.

        Raises:
            ReelworkError: The file became shorter meanwhile.
        """
        self.file.seek(self.offset)
        at, end = self.offset, self.offset + self.size
        while at < end:
            if watch.answered():
                # httpcore takes a failed write as "look what the service answered", which is what is wanted here.
                raise httpcore.WriteError("the service answered before the end of the body")
            piece = self.file.read(min(PIECE_BYTES, end - at))
            if not piece:
                raise ReelworkError("The file became shorter while it was sent.")
            yield piece
            at += len(piece)


class ProgressTold:
    """Says how far a body is: once at its beginning, and after each piece."""

    def __init__(self, body: FileBody) -> None:
        self._body = body
        self._at = body.offset
        self.after(b"")

    def after(self, piece: bytes) -> None:
        """Note that a piece was sent."""
        self._at += len(piece)
        self._body.on_progress(self._at, self._body.total)


class AnswerWatch:
    """Tells whether the service has answered already. It learns its connection from httpx's ``trace`` extension."""

    def __init__(self, *, encrypted: bool) -> None:
        # Over TLS readable bytes may be session tickets; there a refusal shows when the service stops reading.
        self._encrypted = encrypted
        self._connection: httpcore.NetworkStream | httpcore.AsyncNetworkStream | None = None

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note the connection when it is made."""
        if event == "connection.connect_tcp.complete":
            self._connection = info["return_value"]

    async def trace_async(self, event: str, info: dict[str, Any]) -> None:
        """As ``trace``, the way the async transport wants it."""
        self.trace(event, info)

    def answered(self) -> bool:
        """Whether something has come back before the body was sent."""
        if self._encrypted or self._connection is None:
            return False
        return bool(self._connection.get_extra_info("is_readable"))
