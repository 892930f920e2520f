"""The body of a request, cut into parts that are stored one by one; what has arrived is kept, however it ends."""

import time
from collections.abc import Callable, Iterable, Iterator

from reelwork.errors import SubmissionRefused

PART_BYTES = 16 * 2**20
PART_S = 5.0
"""A part ends when it is so large or so old, or when nothing more comes: no more than that is lost when the server is
killed."""


class ArrivingParts:
    """Pieces that arrive, in parts. When they break off, the last part is shorter, and ``broken_off`` says why."""

    def __init__(self, chunks: Iterable[bytes], took: Callable[[int], None]) -> None:
        """Begin.

        Args:
            chunks: The pieces; an empty one says that time passes.
            took: Told the size of each piece, before it is stored; what it raises goes on to whoever stores.
        """
        self._chunks = iter(chunks)
        self._took = took
        self._next: bytes | None = b""
        self.broken_off: Exception | None = None

    def __iter__(self) -> Iterator[Iterator[bytes]]:
        """Give the parts, none of them empty, each to be used up before the next."""
        while True:
            while self._next == b"":
                self._advance()
            if self._next is None:
                return
            yield self._part()

    def _part(self) -> Iterator[bytes]:
        ends_at = time.monotonic() + PART_S
        size = 0
        while self._next and size < PART_BYTES and (size == 0 or time.monotonic() < ends_at):
            size += len(self._next)
            yield self._next
            self._advance()

    def _advance(self) -> None:
        try:
            self._next = next(self._chunks, None)
        except SubmissionRefused:
            raise
        except Exception as error:
            self.broken_off, self._next = error, None
        if self._next:
            self._took(len(self._next))
