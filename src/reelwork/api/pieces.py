"""Bodies in pieces of a size that is worth sending."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

# Each piece is made in a thread of its own turn: large enough that the turns cost little, small enough that many
# clients at once take little memory.
PIECE_BYTES = 2**16
_READ_BYTES = 2**18


def in_pieces(parts: Iterable[bytes] | Iterable[str]) -> Iterator[bytes]:
    """Put small parts together; the first goes out by itself, so that the client hears soon."""
    waiting: list[bytes] = []
    size, enough = 0, 1
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        waiting.append(data)
        size += len(data)
        if size >= enough:
            yield b"".join(waiting)
            waiting.clear()
            size, enough = 0, PIECE_BYTES
    if waiting:
        yield b"".join(waiting)


def read_pieces(document: BinaryIO, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Read ``length`` bytes of a document from ``start`` on; None for all there are."""
    document.seek(start)
    left = length
    while piece := document.read(_READ_BYTES if left is None else min(left, _READ_BYTES)):
        yield piece
        left = None if left is None else left - len(piece)


def closing(document: BinaryIO, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces and close the document behind them, or when nobody wants them any more."""
    with document:
        yield from pieces
