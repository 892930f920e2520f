"""Clips put together from the coded frames of others: parts, and several tracks in one file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.stream import Disposition

from tests.support.clips import encode_clip, plain


@dataclass(frozen=True)
class Source:
    """The first track of a file.

    Attributes:
        path: The file.
        skip_key_frames: How many key frames to leave out, with everything coded before the next.
        filters: Bitstream filters of FFmpeg.
        is_cover: Whether players take it for the cover picture.
    """

    path: Path
    skip_key_frames: int = 0
    filters: str | None = None
    is_cover: bool = False


def remuxed(path: Path, sources: Sequence[Source], **muxer: str) -> Path:
    """Put tracks into one file, interleaved."""
    inputs = [av.open(str(source.path)) for source in sources]
    with av.open(str(path), "w", format="mp4", options=muxer) as output:
        packets: list[tuple[Fraction, int, av.Packet]] = []
        for number, (source, container) in enumerate(zip(sources, inputs, strict=True)):
            target = output.add_stream_from_template(container.streams[0])
            if source.is_cover:
                target.disposition = Disposition.attached_pic
            for packet in _packets(source, container):
                assert packet.dts is not None
                packets.append((packet.dts * packet.time_base, number, packet))
                packet.stream = target
        for *_, packet in sorted(packets, key=lambda entry: entry[:2]):
            output.mux(packet)
    for container in inputs:
        container.close()
    return path


def _packets(source: Source, container: av.container.InputContainer) -> Iterator[av.Packet]:
    stream = container.streams[0]
    change = BitStreamFilterContext(source.filters, stream) if source.filters else None
    key_frames = 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        key_frames += packet.is_keyframe
        if key_frames > source.skip_key_frames:
            yield from change.filter(packet) if change else [packet]


def cover(path: Path) -> Path:
    """Encode an MP4 of one JPEG, to be another one's cover picture."""
    return encode_clip(path, [plain(200, 300, 300)], codec="mjpeg", pixel_format="yuvj420p")
