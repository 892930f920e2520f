"""What can be said about an MP4 from its box structure alone, without a decoder.

Box layout: ISO/IEC 14496-12, section 4.2.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"uuid"})
_TOP_LEVEL = _FIRST_BOXES | {b"emsg", b"imda", b"meco", b"meta", b"mfra", b"pdin", b"prft", b"ssix"}
_MEDIA_DATA = (b"mdat", b"imda")
_READ_BYTES = 2**16
SNIFF_BYTES = 12


def looks_like_mp4(head: bytes) -> bool:
    """Tell from the first ``SNIFF_BYTES`` bytes whether a file can be an MP4 at all."""
    return len(head) >= 8 and head[4:8] in _FIRST_BOXES


def top_level_boxes(path: Path) -> list[str]:
    """List the types of the complete top-level boxes of a file, in order; damage ends the list."""
    with path.open("rb") as stream:
        return [box.kind.decode("latin-1") for box in _boxes(stream, 0, _size(stream))]


def ends_with_a_box(path: Path) -> bool:
    """Whether a file is one whole box after the other up to its end: one that was cut off is not."""
    with path.open("rb") as stream:
        reached = 0
        for box in _boxes(stream, 0, _size(stream)):
            reached = box.end
        return reached == _size(stream)


def fragments_break_off(path: Path) -> bool:
    """Whether a file in fragments is not one whole box after the other up to its end, or zeros that pad it.

    FFmpeg takes what is behind such a place for no video, and the end of what came before for the end of the video.
    Boxes that nobody knows are passed over, unless media data follow: then it was the head of a fragment.
    """
    with path.open("rb") as stream:
        is_fragmented, reached, is_after_unknown = False, 0, False
        for box in _boxes(stream, 0, _size(stream)):
            if box.kind == b"moov":
                is_fragmented |= any(part.kind == b"mvex" for part in _boxes(stream, box.begin, box.end))
            is_known = box.kind in _TOP_LEVEL
            if (is_after_unknown and box.kind in _MEDIA_DATA) or not (is_known or box.kind.isalnum()):
                break
            reached, is_after_unknown = box.end, not is_known
        return is_fragmented and not _has_only_zeros(stream, reached)


class _Box(NamedTuple):
    """Where the content of a box begins and ends."""

    kind: bytes
    begin: int
    end: int


def _boxes(stream: BinaryIO, begin: int, end: int) -> Iterator[_Box]:
    """Give the complete boxes, one behind the other."""
    while begin + 8 <= end:
        stream.seek(begin)
        size, kind = struct.unpack(">I4s", stream.read(8))
        head = 8
        if size == 1:  # a 64-bit size follows
            wide = stream.read(8)
            size, head = int.from_bytes(wide, "big") if len(wide) == 8 else 0, 16
        elif size == 0:  # up to the end of the file
            size = end - begin
        if size < head or begin + size > end:
            return
        yield _Box(kind, begin + head, begin + size)
        begin += size


def _has_only_zeros(stream: BinaryIO, begin: int) -> bool:
    stream.seek(begin)
    return not any(piece.strip(b"\0") for piece in iter(lambda: stream.read(_READ_BYTES), b""))


def _size(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size
