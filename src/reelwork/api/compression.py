"""Content codings, piece by piece in flat memory."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import zstandard

# Fast rather than small: it must keep up with the reading, and results compress to a tenth all the same.
_GZIP_LEVEL = 4
_ZSTD_LEVEL = 3
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class _Coder(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: int = ..., /) -> bytes: ...


def _gzip() -> tuple[_Coder, int]:
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW), zlib.Z_SYNC_FLUSH


def _zstd() -> tuple[_Coder, int]:
    return zstandard.ZstdCompressor(_ZSTD_LEVEL).compressobj(), zstandard.COMPRESSOBJ_FLUSH_BLOCK


_CODERS: dict[str, Callable[[], tuple[_Coder, int]]] = {"zstd": _zstd, "gzip": _gzip}

CODINGS = tuple(_CODERS)
"""The codings there are, the better one first."""


def compressed(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """Compress as it goes; the first piece can be read at once, the others when enough has come."""
    coder, mode = _CODERS[coding]()
    first = True
    for piece in pieces:
        if coded := coder.compress(piece) + (coder.flush(mode) if first else b""):
            yield coded
        first = False
    yield coder.flush()
