"""What the muxer does not write: boxes of a finished MP4 exchanged for others.

Boxes: ISO/IEC 14496-12. A box that grows moves what is behind it, so the index must stand behind the media data.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.support.clips import Picture, boxes

_ONE = 1 << 16


@dataclass(frozen=True)
class Edit:
    """One entry of an edit list, in frames.

    Attributes:
        frames: How long it lasts.
        first: The number of the frame it begins with; None for an empty edit, which shows nothing.
    """

    frames: Fraction | int
    first: Fraction | int | None


def with_edits(path: Path, edits: Sequence[Edit], rate: int = 25) -> Path:
    """Exchange the edit list that the muxer wrote into the first track."""
    content = path.read_bytes()
    movie_scale, media_scale = _time_scale(content, b"mvhd"), _time_scale(content, b"mdhd")
    start, end = _first(content, b"edts")
    first_shown = struct.unpack(">i", content[end - 8 : end - 4])[0]  # media time of the muxer's only edit
    entries = b"".join(
        struct.pack(
            ">IiHH",
            round(Fraction(edit.frames) / rate * movie_scale),
            -1 if edit.first is None else first_shown + round(Fraction(edit.first) / rate * media_scale),
            1,
            0,
        )
        for edit in edits
    )
    elst = box(b"elst", struct.pack(">II", 0, len(edits)) + entries)
    return _exchanged(path, start - 8, end, box(b"edts", elst))


def without_edits(path: Path) -> Path:
    """Take the edit list away."""
    start, end = _first(path.read_bytes(), b"edts")
    return _exchanged(path, start - 8, end, b"")


def with_frame_durations(path: Path, durations: Sequence[int]) -> Path:
    """Exchange the durations of the frames, in units of the track's time scale, in decoding order."""
    start, end = _first(path.read_bytes(), b"stts")
    entries = b"".join(struct.pack(">II", 1, duration) for duration in durations)
    return _exchanged(path, start - 8, end, box(b"stts", struct.pack(">II", 0, len(durations)) + entries))


def with_key_frames(path: Path, ordinals: Sequence[int] | None) -> Path:
    """Exchange the list of key frames (1-based, in decoding order); None: no list, so that every frame is one."""
    start, end = _first(path.read_bytes(), b"stss")
    listed = b"".join(struct.pack(">I", ordinal) for ordinal in ordinals or ())
    table = b"" if ordinals is None else box(b"stss", struct.pack(">II", 0, len(ordinals)) + listed)
    return _exchanged(path, start - 8, end, table)


def with_disabled_first_track(path: Path) -> Path:
    """Have the first track be one that is not to be shown, and all others enabled."""
    content = bytearray(path.read_bytes())
    headers = [start for kind, start, _ in boxes(content) if kind == b"tkhd"]
    for number, start in enumerate(headers):
        content[start + 3] = content[start + 3] & ~1 | (number > 0)
    path.write_bytes(content)
    return path


def with_later_fragments(path: Path, ticks: int) -> Path:
    """Shift the times that fragments begin at, in units of the track's time scale."""
    content = bytearray(path.read_bytes())
    for kind, start, _ in boxes(content):
        if kind == b"tfdt":
            assert content[start] == 1, "a time of 32 bits"
            begin = int.from_bytes(content[start + 4 : start + 12], "big")
            content[start + 4 : start + 12] = (begin + ticks).to_bytes(8, "big")
    path.write_bytes(content)
    return path


@dataclass(frozen=True)
class Orientation:
    """A way to store pictures other than upright.

    Attributes:
        matrix: a, b, c, d of the display matrix: the pixel at (x, y) is shown at (ax + cy, bx + dy).
        stored: From the upright picture to the stored one.
    """

    matrix: tuple[int, int, int, int]
    stored: Callable[[Picture], Picture]


ORIENTATIONS: Mapping[str, Orientation] = {
    "turned by 90": Orientation((0, 1, -1, 0), lambda upright: np.rot90(upright, 1)),
    "turned by 180": Orientation((-1, 0, 0, -1), lambda upright: np.rot90(upright, 2)),
    "turned by 270": Orientation((0, -1, 1, 0), lambda upright: np.rot90(upright, -1)),
    "mirrored": Orientation((-1, 0, 0, 1), lambda upright: upright[:, ::-1]),
    "upside down": Orientation((1, 0, 0, -1), lambda upright: upright[::-1]),
    "transposed": Orientation((0, 1, 1, 0), lambda upright: upright.swapaxes(0, 1)),
    "transversed": Orientation((0, -1, -1, 0), lambda upright: np.rot90(upright.swapaxes(0, 1), 2)),
}


def with_display_matrix(path: Path, matrix: tuple[int, int, int, int], header: bytes = b"tkhd") -> Path:
    """Patch the display matrix of every track (``tkhd``), or that of the movie (``mvhd``)."""
    a, b, c, d = (value * _ONE for value in matrix)
    content = bytearray(path.read_bytes())
    for kind, start, _ in boxes(content):
        if kind == header:
            offset = start + matrix_offset(kind, version=content[start])
            content[offset : offset + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def matrix_offset(header: bytes, version: int) -> int:
    """Return where in the payload of ``tkhd`` or ``mvhd`` the matrix begins; version 1 has 64-bit times."""
    return {b"tkhd": 40, b"mvhd": 36}[header] + (12 if version == 1 else 0)


def _time_scale(content: bytes, header: bytes) -> int:
    start, _ = _first(content, header)
    offset = start + (20 if content[start] == 1 else 12)
    return int.from_bytes(content[offset : offset + 4], "big")


def _first(content: bytes, wanted: bytes) -> tuple[int, int]:
    return next((start, end) for kind, start, end in boxes(content) if kind == wanted)


def box(kind: bytes, payload: bytes) -> bytes:
    """Make a box."""
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def _exchanged(path: Path, begin: int, end: int, replacement: bytes) -> Path:
    """Put other bytes where whole boxes were, and mend the sizes of the boxes around them."""
    content = bytearray(path.read_bytes())
    kinds = [(kind, start) for kind, start, _ in boxes(content)]
    assert kinds.index(next(entry for entry in kinds if entry[0] == b"moov")) > kinds.index(
        next(entry for entry in kinds if entry[0] == b"mdat")
    ), "the index stands in front"
    growth = len(replacement) - (end - begin)
    for _, start, stop in list(boxes(content)):
        if start <= begin and end <= stop:
            content[start - 8 : start - 4] = struct.pack(">I", stop - start + 8 + growth)
    content[begin:end] = replacement
    path.write_bytes(content)
    return path
