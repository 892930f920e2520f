"""What a plain decode of everything gives: one thread, nothing skipped, no code of Reelwork's.

Everything else is compared with this table, which is compared with the numbers in the pictures.
"""

import hashlib
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from tests.support.barcoded_frames import read_number
from tests.support.clips import boxes
from tests.support.mp4_patches import matrix_offset

Image = NDArray[np.uint8]
_LOCKED_DOWN = {"protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
_EIGHT_BIT_LUMA = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"}


@dataclass(frozen=True)
class Row:
    """One presented frame.

    Attributes:
        index: Its ordinal.
        time: Its exact time in seconds.
        luma: Digest of the upright brightness plane, and its size.
        bgr: Digest of the upright picture, and its size.
    """

    index: int
    time: Fraction
    luma: str
    bgr: str


@dataclass(frozen=True)
class Reference:
    """What a file presents.

    Attributes:
        rows: Its frames, in order.
        numbers: What they show; None where there is nothing to be read.
        key_frames: Which of them the file calls key frames.
        flagged: Which of them the decoder calls corrupt.
        lost: Times of frames that packets promise and the decoder does not give, without a word.
        error: What the decoder or the demuxer raised at last; None if it came to the end.
    """

    rows: tuple[Row, ...]
    numbers: tuple[int | None, ...]
    key_frames: frozenset[int]
    flagged: frozenset[int]
    lost: frozenset[Fraction]
    error: str | None


def decode_everything(path: Path, matrix: tuple[int, int, int, int] | None = None, held: int = 0) -> Reference:
    """Decode a file.

    Args:
        path: The file.
        matrix: a, b, c, d of its display matrix; default: what its track header says.
        held: How many frames to keep back, which gives the decoder other memory for the next ones. It changes
            nothing, unless the decoder leaves parts of a damaged picture as they were.
    """
    kept: deque[av.VideoFrame] = deque(maxlen=held)
    matrix = matrix or display_matrix(path)
    rows: list[Row] = []
    numbers: list[int | None] = []
    flags: dict[str, set[int]] = {"key": set(), "corrupt": set()}
    error = None
    sent: list[_OfPacket] = []
    with av.open(f"file:{path}", format="mov", container_options=_LOCKED_DOWN) as container:
        pictures = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
        stream = next((one for one in pictures if one.disposition & Disposition.default), pictures[0])
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        # Each frame keeps what was said of its packet.
        stream.codec_context.flags |= av.codec.context.Flags.copy_opaque
        try:
            for index, frame in enumerate(_frames(container, stream, sent)):
                luma, bgr = upright(_luma(frame), matrix), upright(frame.to_ndarray(format="bgr24"), matrix)
                kept.append(frame)
                rows.append(Row(index, Fraction(frame.pts) * frame.time_base, digest(luma), digest(bgr)))
                numbers.append(read_number(luma))
                flags["key"] |= {index} if frame.opaque.is_key else set()
                flags["corrupt"] |= {index} if frame.is_corrupt else set()
        except av.FFmpegError as caught:
            error = str(caught)
    lost = frozenset() if error else frozenset(packet.time for packet in sent) - {row.time for row in rows}
    return Reference(tuple(rows), tuple(numbers), frozenset(flags["key"]), frozenset(flags["corrupt"]), lost, error)


@dataclass(frozen=True)
class _OfPacket:
    time: Fraction
    is_key: bool


def _frames(
    container: av.container.InputContainer, stream: av.VideoStream, sent: list[_OfPacket]
) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        packet.opaque = _OfPacket(Fraction(packet.pts or 0) * packet.time_base, packet.is_keyframe)
        if packet.size and not packet.is_discard:
            sent.append(packet.opaque)
        yield from packet.decode()


def digest(picture: Image) -> str:
    """Return a short name of the pixels and the shape."""
    return f"{picture.shape} {hashlib.sha256(np.ascontiguousarray(picture)).hexdigest()[:32]}"


def display_matrix(path: Path) -> tuple[int, int, int, int]:
    """Read a, b, c, d of the matrix of the first track that is not plain, as whole numbers; else of the movie."""
    content = path.read_bytes()
    found = [(1, 0, 0, 1)]
    for kind, start, _ in boxes(content):
        if kind in (b"tkhd", b"mvhd"):
            offset = start + matrix_offset(kind, content[start])
            a, b, _, c, d = struct.unpack(">5i", content[offset : offset + 20])
            found.append((a >> 16, b >> 16, c >> 16, d >> 16))
    return next((matrix for matrix in found if matrix != (1, 0, 0, 1)), (1, 0, 0, 1))


def upright(stored: Image, matrix: tuple[int, int, int, int]) -> Image:
    """Show a picture as its display matrix says: the pixel at (x, y) goes to (ax + cy, bx + dy)."""
    a, b, c, d = matrix
    if a == d == 0:
        stored, a, d = stored.swapaxes(0, 1), c, b
    stored = stored[:, ::-1] if a < 0 else stored
    return stored[::-1] if d < 0 else stored


def _luma(frame: av.VideoFrame) -> Image:
    """Return the visible part of the brightness plane, in eight bits and as coded."""
    if frame.format.name not in _EIGHT_BIT_LUMA:
        frame = frame.reformat(format="yuv420p")
    rows = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)
    return rows[: frame.height, : frame.width]
