"""What can be said about an MP4 from its box structure alone, without a decoder.

Box layout: ISO/IEC 14496-12, section 4.2.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"uuid"})
SNIFF_BYTES = 12


def looks_like_mp4(head: bytes) -> bool:
    """Tell from the first ``SNIFF_BYTES`` bytes whether a file can be an MP4 at all."""
    return len(head) >= 8 and head[4:8] in _FIRST_BOXES


def top_level_boxes(path: Path) -> list[str]:
    """List the types of the complete top-level boxes of a file, in order; damage ends the list."""
    with path.open("rb") as stream:
        return [kind.decode("latin-1") for kind in _walk(stream, os.fstat(stream.fileno()).st_size)]


def _walk(stream: BinaryIO, end: int) -> Iterator[bytes]:
    position = 0
    while position + 8 <= end:
        stream.seek(position)
        size, kind = struct.unpack(">I4s", stream.read(8))
        if size == 1:  # a 64-bit size follows
            wide = stream.read(8)
            size = int.from_bytes(wide, "big") if len(wide) == 8 else 0
        elif size == 0:  # up to the end of the file
            size = end - position
        if size < 8 or position + size > end:
            return
        yield kind
        position += size
