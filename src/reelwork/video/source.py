"""Decode an MP4 into frames with exact indices and times.

The file is not trusted: it may crash the decoder, so open one in a child process only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reelwork.errors import DecodingStopped, VideoUnreadable
from reelwork.video.frame import Frame
from reelwork.video.mp4 import top_level_boxes

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

# A playlist named .mp4 would make FFmpeg open other files: only the MP4 demuxer, only this file,
# and no references from inside the MP4 to files beside it.
_CONTAINER_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
# FFmpeg takes one dictionary per stream and ignores those beyond the last stream.
_MOST_STREAMS = 64


@dataclass(frozen=True)
class DecodeLimits:
    """Bounds for decoding one video.

    Attributes:
        max_pixels: Largest width x height that is decoded.
        threads: Decoder threads; 0 lets the decoder choose.
    """

    max_pixels: int = 2**25
    threads: int = 0


@dataclass(frozen=True)
class VideoFacts:
    """What the container says of the video track; ``expected_frames`` is a hint and may be wrong."""

    codec: str
    width: int
    height: int
    duration_s: float | None
    expected_frames: int | None


class VideoFile:
    """An opened MP4 with a video track."""

    def __init__(self, container: "InputContainer", stream: "VideoStream") -> None:
        self._container = container
        self._stream = stream
        context = stream.codec_context
        duration = stream.duration * stream.time_base if stream.duration and stream.time_base else None
        self.facts = VideoFacts(
            codec=context.name,
            width=context.width,
            height=context.height,
            duration_s=float(duration) if duration is not None else None,
            expected_frames=stream.frames or None,
        )

    @classmethod
    @contextmanager
    def open(cls, path: Path, limits: DecodeLimits | None = None) -> Iterator[Self]:
        """Open ``path`` for decoding.

        Raises:
            VideoUnreadable: It is not an MP4, or has no video track that can be decoded.
        """
        limits = limits or DecodeLimits()
        with _container(path, limits) as container:
            stream = _video_stream(container, limits)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = limits.threads
            # The limit given at opening covers probing alone; the decoder has one of its own.
            stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
            yield cls(container, stream)

    def frames(self) -> Iterator[Frame]:
        """Decode every presented frame, once, in presentation order.

        Raises:
            DecodingStopped: The video breaks off or is damaged; the message says how far it got.
        """
        import av

        index = 0
        try:
            for decoded in self._container.decode(self._stream):
                yield self._frame(index, decoded)
                index += 1
        except av.FFmpegError as error:
            raise DecodingStopped(index, self.facts.expected_frames, error.strerror or str(error)) from error
        if self._is_cut_short():
            raise DecodingStopped(index, self.facts.expected_frames, "the file ends before its last frame")

    def _is_cut_short(self) -> bool:
        # FFmpeg takes the end of the file for the end of the video, even where the index lists more.
        size = self._container.size
        return any(entry.pos + entry.size > size for entry in self._stream.index_entries)

    def _frame(self, index: int, decoded: "av.VideoFrame") -> Frame:
        if decoded.pts is None or decoded.time_base is None:
            raise DecodingStopped(index, self.facts.expected_frames, "a frame carries no presentation time")
        # FFmpeg gives the display matrix as degrees counter-clockwise that turn the picture upright.
        return Frame(index, Fraction(decoded.pts) * decoded.time_base, decoded, round(decoded.rotation / 90))


@contextmanager
def _container(path: Path, limits: DecodeLimits) -> Iterator["InputContainer"]:
    import av

    try:
        container = av.open(
            f"file:{path.resolve()}",
            format="mov",
            container_options=_CONTAINER_OPTIONS,
            stream_options=[{"max_pixels": str(limits.max_pixels)}] * _MOST_STREAMS,  # type: ignore[list-item]
        )
    except (av.FFmpegError, ValueError) as error:  # ValueError: PyAV found no stream to give options to
        raise VideoUnreadable(_why_not_opened(path)) from error
    with container:
        yield container


def _why_not_opened(path: Path) -> str:
    boxes = top_level_boxes(path)
    if "moov" in boxes:
        return "The MP4 is damaged: its index cannot be read. Export or record the video again."
    if "ftyp" in boxes:
        return (
            "The MP4 is truncated: its index (the moov box) is missing, as when a recording or an upload "
            "was cut off. Send the whole file."
        )
    return "The file is not an MP4. Convert it first, for example with: ffmpeg -i input output.mp4"


def _video_stream(container: "InputContainer", limits: DecodeLimits) -> "VideoStream":
    from av.stream import Disposition

    # A cover picture in a music file is a video stream to FFmpeg and no video to anybody else.
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        found = "only audio" if container.streams.audio else "no tracks that can be read"
        raise VideoUnreadable(f"The MP4 has no video track ({found}).")
    stream = streams[0]
    context = stream.codec_context
    # PyAV leaves the context out where FFmpeg has no decoder, whatever its types say.
    if context is None or context.codec_tag == "encv":  # type: ignore[redundant-expr]
        raise VideoUnreadable(
            "The video track is encrypted (DRM) or coded in a way this service has no decoder for. "
            "Send an unprotected MP4, for example with H.264 video."
        )
    _require_decodable_size(context.width, context.height, limits)
    return stream


def _require_decodable_size(width: int, height: int, limits: DecodeLimits) -> None:
    if 0 < width * height <= limits.max_pixels:
        return
    # FFmpeg forgets the size of some codecs' pictures when it refuses them for it.
    size = f"is {width}x{height}," if width else "has no size that can be read, or"
    raise VideoUnreadable(
        f"The picture {size} more than the {limits.max_pixels} pixels this service decodes. Send a smaller version."
    )
