"""Clips made by code: what the few in `media/` do not show."""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""Height x width x 3, uint8, BGR."""

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"moof", b"traf")


def plain(value: int, width: int = 64, height: int = 48) -> Picture:
    """Make a picture of one grey."""
    return np.full((height, width, 3), value, np.uint8)


def numbered(count: int, width: int = 64, height: int = 48) -> list[Picture]:
    """Make pictures that can be told apart: the grey grows with the number."""
    return [plain(20 + number * 200 // max(count - 1, 1), width, height) for number in range(count)]


def marked_corner(width: int = 64, height: int = 48) -> Picture:
    """Make a black picture whose top left quarter is white."""
    picture = plain(0, width, height)
    picture[: height // 2, : width // 2] = 255
    return picture


def encode_clip(
    path: Path,
    pictures: Iterable[Picture],
    *,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    keys: Collection[int] = (),
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    movflags: str = "faststart",
    muxer: Mapping[str, str] | None = None,
    container: str = "mp4",
) -> Path:
    """Encode pictures into an MP4.

    Args:
        path: Where to write it.
        pictures: All of one size.
        rate: Frames per second.
        pts: Presentation time of each picture in units of ``time_base``; default: one after the other at ``rate``.
        keys: Numbers of pictures that become key frames, besides those that the encoder makes key frames.
        time_base: Default: one frame at ``rate``.
        codec: Name of the encoder.
        pixel_format: What the encoder is given.
        options: Options of the encoder; libx264 uses B-frames unless told otherwise (``{"bf": "0"}``).
        movflags: ``faststart`` puts the index in front; ``frag_keyframe+empty_moov`` makes fragments.
        muxer: More options of the muxer.
        container: Name of the muxer.
    """
    time_base = time_base or 1 / Fraction(rate)
    muxer = {**({"movflags": movflags} if movflags else {}), **(muxer or {})}
    with av.open(str(path), "w", format=container, options=muxer) as output:
        stream = None
        for number, picture in enumerate(pictures):
            if stream is None:
                stream = output.add_stream(codec, rate=Fraction(rate), options=dict(options or {}))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pixel_format
                stream.codec_context.time_base = time_base
                stream.codec_context.thread_count = 1
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = number if pts is None else pts[number]
            frame.time_base = time_base
            if number in keys:
                frame.pict_type = PictureType.I
            output.mux(stream.encode(frame))
        assert stream is not None
        output.mux(stream.encode())
    return path


def encode_growing_clip(path: Path, small: Sequence[Picture], large: Sequence[Picture]) -> Path:
    """Encode a clip whose pictures become larger part of the way through, which its index does not say."""
    in_band = {"x264-params": "repeat-headers=1:annexb=1", "bf": "0"}
    with av.open(str(path), "w", format="mp4") as output:
        stream = None
        for pictures, offset in ((small, 0), (large, len(small))):
            encoder = av.CodecContext.create("libx264", "w")
            encoder.height, encoder.width = pictures[0].shape[:2]
            encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
            encoder.options = in_band
            if stream is None:
                stream = output.add_stream("libx264", rate=25, options=in_band)
                stream.height, stream.width, stream.pix_fmt = encoder.height, encoder.width, "yuv420p"
            for number, picture in enumerate([*pictures, None]):
                frame = None if picture is None else av.VideoFrame.from_ndarray(picture, format="bgr24")
                if frame is not None:
                    frame.pts, frame.time_base = number, encoder.time_base
                for packet in encoder.encode(frame):
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.time_base, packet.stream = encoder.time_base, stream
                    output.mux(packet)
    return path


def encode_audio(path: Path, seconds: float = 0.5) -> Path:
    """Encode silence into an MP4 without a video track."""
    rate = 8000
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, int(rate * seconds)), np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate
        frame.pts = 0
        resampler = av.AudioResampler(
            format="fltp", layout="mono", rate=rate, frame_size=stream.codec_context.frame_size
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode())
    return path


def truncated(source: Path, path: Path, keep: float | int) -> Path:
    """Copy the beginning of a file: a share of it (float) or a number of bytes."""
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    return path


def with_rotation(path: Path, degrees: int) -> Path:
    """Patch the display matrix of a clip's video track so that players turn it by ``degrees`` clockwise."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees % 360]
    one = 1 << 16
    matrix = struct.pack(">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    content = bytearray(path.read_bytes())
    for kind, start, _ in boxes(content):
        if kind == b"tkhd":
            wide = content[start] == 1  # version 1 has 64-bit times
            offset = start + (52 if wide else 40)
            content[offset : offset + 36] = matrix
    path.write_bytes(content)
    return path


def with_sample_entry(path: Path, kind: bytes, replacement: bytes) -> Path:
    """Patch the sample descriptions: ``avc1`` to ``encv`` makes a track look encrypted."""
    content = bytearray(path.read_bytes())
    found = 0
    for box, start, _ in boxes(content):
        if box == b"stsd" and content[start + 12 : start + 16] == kind:
            content[start + 12 : start + 16] = replacement
            found += 1
    assert found, f"no sample entry {kind!r}"
    path.write_bytes(content)
    return path


def with_damage(path: Path, begin: float, end: float, fill: int = 0xFF) -> Path:
    """Overwrite a share of the media data (0..1 of the largest mdat) with one byte."""
    content = bytearray(path.read_bytes())
    start, stop = max(
        ((start, stop) for kind, start, stop in boxes(content) if kind == b"mdat"), key=lambda box: box[1] - box[0]
    )
    first, last = start + int((stop - start) * begin), start + int((stop - start) * end)
    content[first:last] = bytes([fill]) * (last - first)
    path.write_bytes(content)
    return path


def with_external_data(source: Path, path: Path, other: Path) -> Path:
    """Copy a clip without its media data, and make it refer to another file for them.

    The reference is a Macintosh alias record, the kind that FFmpeg follows if it is let.
    """
    content = source.read_bytes()
    entry = content.index(b"dref") + 4 + 8  # behind version, flags and count
    size = struct.unpack(">I", content[entry : entry + 4])[0]
    target = str(other).encode()
    target += bytes(len(target) % 2)
    record = bytes(10) + bytes(1 + 27) + bytes(12) + bytes(1 + 63) + bytes(16) + struct.pack(">2H", 1, 1) + bytes(16)
    record += struct.pack(">2H", 2, len(target)) + target + struct.pack(">2H", 0xFFFF, 0)
    alias = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    grown = bytearray(content[:entry] + alias + content[entry + size :])
    for _, start, end in boxes(content):
        if start <= entry < end:
            grown[start - 8 : start - 4] = struct.pack(">I", end - start + 8 + len(alias) - size)
    media_begins = next(start for kind, start, _ in boxes(grown) if kind == b"mdat")
    path.write_bytes(grown[:media_begins])
    return path


def boxes(content: bytes | bytearray, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Walk the boxes of an MP4, those inside others too; give the type and where the payload begins and ends."""
    position, end = begin, len(content) if end is None else end
    while position + 8 <= end:
        size, kind = struct.unpack(">I4s", content[position : position + 8])
        header = 8
        if size == 1:  # a 64-bit size follows
            size, header = int.from_bytes(content[position + 8 : position + 16], "big"), 16
        size = size or end - position
        assert header <= size <= end - position, f"a broken {kind!r} box"
        yield kind, position + header, position + size
        if kind in _CONTAINERS:
            yield from boxes(content, position + header, position + size)
        position += size
