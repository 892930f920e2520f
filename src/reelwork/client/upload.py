"""The body of a submit: a file sent in pieces, which stops as soon as the service has answered."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import httpcore

from reelwork.errors import ReelworkError

PIECE_BYTES = 2**18

Progress = Callable[[int, int], None]
"""Called with the bytes sent so far and their total."""


class AnswerWatch:
    """Tells whether the service has answered already. It learns its connection from httpx's ``trace`` extension."""

    def __init__(self, *, encrypted: bool) -> None:
        # Over TLS readable bytes may be session tickets; there a refusal shows when the service stops reading.
        self._encrypted = encrypted
        self._connection: httpcore.NetworkStream | None = None

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note the connection when it is made."""
        if event == "connection.connect_tcp.complete":
            self._connection = info["return_value"]

    def answered(self) -> bool:
        """Whether something has come back before the body was sent."""
        if self._encrypted or self._connection is None:
            return False
        return bool(self._connection.get_extra_info("is_readable"))


def pieces(file: BinaryIO, total: int, on_progress: Progress | None, watch: AnswerWatch) -> Iterator[bytes]:
    """Yield the first ``total`` bytes of the file.

    Raises:
        ReelworkError: The file became shorter meanwhile.
    """
    report = on_progress or _nobody_asks
    sent = 0
    report(sent, total)
    while sent < total:
        if watch.answered():
            # httpcore takes a failed write as "look what the service answered", which is what is wanted here.
            raise httpcore.WriteError("the service answered before the end of the body")
        piece = file.read(min(PIECE_BYTES, total - sent))
        if not piece:
            raise ReelworkError("The file became shorter while it was sent.")
        yield piece
        sent += len(piece)
        report(sent, total)


def _nobody_asks(sent: int, total: int) -> None:
    return None
