"""Decode an MP4 into frames with exact indices and times.

The file is not trusted: it may crash the decoder, so open one in a child process only.
"""

import os
from array import array
from bisect import insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

from reelwork.errors import DecodingStopped, VideoUnreadable
from reelwork.video.decoding import Damage, DecodingUnsure, chosen, every_frame, placed, use_threads
from reelwork.video.frame import Frame, Moment
from reelwork.video.mp4 import ends_with_a_box, fragments_break_off, top_level_boxes
from reelwork.video.orientation import UPRIGHT, Orientation
from reelwork.video.packets import Chooser, EveryFrame
from reelwork.video.side_by_side import needed_frames

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

# A playlist named .mp4 would make FFmpeg open other files: only the MP4 demuxer, only this file,
# and no references from inside the MP4 to files beside it.
_CONTAINER_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
# An H.264 video that does not say how far its frames are reordered is then taken to do so as far as it may, instead of
# as far as its first frames do.
_PROBING_OPTIONS = {"strict": "strict"}
# FFmpeg takes one dictionary per stream and ignores those beyond the last stream.
_MOST_STREAMS = 64
# Their decoders can leave out frames that no other refers to, and give one frame for each packet.
_CAN_LEAVE_OUT = frozenset({"h264", "hevc", "vp9", "av1", "libdav1d", "libvpx-vp9"})


@dataclass(frozen=True)
class DecodeLimits:
    """Bounds for decoding one video.

    Attributes:
        max_pixels: Largest width x height that is decoded.
        threads: Decoder threads; 0 for as many as the machine has cores.
        max_duration_s: Longest video that passes the probe; 0: any.
    """

    max_pixels: int = 2**25
    threads: int = 0
    max_duration_s: float = 0.0


@dataclass(frozen=True)
class VideoFacts:
    """What the container says of the video track; ``expected_frames`` is a hint and may be wrong.

    ``turned`` is what the first frame says: a quarter turn makes the picture upright, so that its width and its
    height change places. ``ends_early`` is told by the probe: the index lists more than the file holds.
    """

    codec: str
    width: int
    height: int
    duration_s: float | None
    expected_frames: int | None
    turned: bool = False
    ends_early: bool = False


@dataclass(frozen=True)
class Outline:
    """What the packets of a video tell without decoding: how many frames, which are key frames, which are wanted."""

    frames: int
    key_frames: Sequence[int]
    picked: Sequence[int]


class VideoFile:
    """An opened MP4 with a video track.

    Attributes:
        facts: What the container says.
        damage: What is wrong with it, as far as that was put up with.
    """

    def __init__(
        self,
        path: Path,
        limits: DecodeLimits,
        container: "InputContainer",
        stream: "VideoStream",
        *,
        careful: bool,
        keep_damaged: bool,
    ) -> None:
        self._path = path
        self._limits = limits
        self._container = container
        self._stream = stream
        self._careful = careful
        self.facts = _facts(stream)
        self.damage = Damage(
            keep_frames=careful and keep_damaged,
            lack_frames=careful,
            lack_any=careful and (keep_damaged or self.facts.codec not in _CAN_LEAVE_OUT),
        )

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, limits: DecodeLimits | None = None, *, careful: bool = False, keep_damaged: bool = False
    ) -> Iterator[Self]:
        """Open ``path`` for decoding.

        Args:
            path: The file.
            limits: Bounds for decoding it.
            careful: Decode everything, in one thread: with more, chance decides what comes out of a damaged video.
            keep_damaged: When careful, also give frames that are damaged in parts.

        Raises:
            VideoUnreadable: It is not an MP4, or has no video track that can be decoded.
        """
        limits = limits or DecodeLimits()
        with _container(path, limits) as container:
            stream = _video_stream(container, limits)
            use_threads(stream, 1 if careful else limits.threads or os.cpu_count() or 1)
            yield cls(path, limits, container, stream, careful=careful, keep_damaged=keep_damaged)

    def frames(self, chooser: Chooser | None = None) -> Iterator[Frame]:
        """Decode the frames that ``chooser`` wants (default: all that are presented), in presentation order.

        Raises:
            DecodingUnsure: What came so far may be wrong: open the file again and decode carefully.
            DecodingStopped: When decoding carefully: the video breaks off or is damaged, as the message says.
        """
        import av

        chooser = chooser or EveryFrame()
        counted = _Counted(chooser)
        try:
            yield from self._decoded(counted)
            if not counted.over:
                self._require_whole()
        except av.FFmpegError as error:
            raise self._stopped(counted.asked, error.strerror or str(error)) from error
        except DecodingUnsure as error:
            raise self._stopped(counted.asked, str(error)) from error

    def first_frame(self) -> Frame | None:
        """Decode the first packet and no other, which is soon done; None if no sound frame comes of it alone.

        Nothing else can be decoded afterwards: open the file again.
        """
        import av

        context = self._stream.codec_context
        try:
            packet = next(self._container.demux(self._stream))
            # Told that there is no more, the decoder does not wait for others that might be presented before it.
            decoded = next(iter([*packet.decode(), *context.decode(None)]), None)
        except av.FFmpegError:
            return None
        if decoded is None or decoded.is_corrupt:
            return None
        return Frame(0, Fraction(0), decoded, Orientation.of(decoded) or UPRIGHT)

    def outline(self, chooser: Chooser) -> Outline:
        """Look through the packets, without decoding, up to the last frame that is wanted.

        Raises:
            DecodingUnsure: Only decoding can tell.
        """
        import av

        counted = _Counted(chooser)
        key_frames, picked = array("q"), array("q")
        try:
            for sample in placed(self._container, self._stream, counted):
                if sample.moment is not None and sample.packet.is_keyframe:
                    insort(key_frames, sample.moment.index)
                if sample.moment is not None and sample.wanted:
                    insort(picked, sample.moment.index)
        except av.FFmpegError as error:
            raise DecodingUnsure(error.strerror or str(error)) from error
        if not counted.over:
            self._require_whole()
        if self._stream.codec_context.name not in _CAN_LEAVE_OUT:
            raise DecodingUnsure("only decoding can tell the frames of this video")
        return Outline(counted.asked, key_frames, picked)

    def _decoded(self, chooser: Chooser) -> Iterator[Frame]:
        can_leave_out = self._stream.codec_context.name in _CAN_LEAVE_OUT and not self._careful
        if can_leave_out and not chooser.takes_all:
            return needed_frames(self._container, self._stream, chooser, self._another_decoder)
        return chosen(every_frame(self._container, self._stream, self.damage), chooser)

    def _another_decoder(self) -> "VideoCodecContext":
        """Make one more decoder of the track, of one thread; it outlives what it is opened with."""
        with _container(self._path, self._limits) as container:
            stream = _video_stream(container, self._limits)
            use_threads(stream, 1)
            return stream.codec_context

    def _stopped(self, decoded: int, reason: str) -> Exception:
        return DecodingStopped(decoded, self.facts.expected_frames, reason) if self._careful else DecodingUnsure(reason)

    def ends_early(self) -> bool:
        """Say whether the file was cut off; to look through its index costs little, and only one in doubt is."""
        if ends_with_a_box(self._path):
            return False
        try:
            self._require_whole()
        except DecodingUnsure:
            return True
        return False

    def _require_whole(self) -> None:
        # FFmpeg takes the end of the file for the end of the video, even where the index lists more.
        size = self._container.size
        if any(entry.pos + entry.size > size for entry in self._stream.index_entries):
            raise DecodingUnsure("the file ends before its last frame")
        if fragments_break_off(self._path):
            raise DecodingUnsure("its fragments break off before the end of the file")


class _Counted:
    """Another chooser that counts how many frames it was asked about."""

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self.takes_all = chooser.takes_all
        self.asked = 0

    @property
    def over(self) -> bool:
        """Whether no later frame can be wanted."""
        return self._chooser.over

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say whether this frame is wanted."""
        self.asked += 1
        return self._chooser.wants(moment, is_key)


def _facts(stream: "VideoStream") -> VideoFacts:
    context = stream.codec_context
    duration = stream.duration * stream.time_base if stream.duration and stream.time_base else None
    return VideoFacts(
        codec=context.name,
        width=context.width,
        height=context.height,
        duration_s=float(duration) if duration is not None else None,
        expected_frames=stream.frames or None,
    )


@contextmanager
def _container(path: Path, limits: DecodeLimits) -> Iterator["InputContainer"]:
    import av

    try:
        container = av.open(
            f"file:{path.absolute()}",
            format="mov",
            container_options=_CONTAINER_OPTIONS,
            stream_options=[_PROBING_OPTIONS | {"max_pixels": str(limits.max_pixels)}] * _MOST_STREAMS,  # type: ignore[list-item]
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
    # To FFmpeg, the tracks that are enabled are those to be shown by default.
    stream = next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])
    context = stream.codec_context
    # PyAV leaves the context out where FFmpeg has no decoder, whatever its types say.
    if context is None or _is_encrypted(context):  # type: ignore[redundant-expr]
        raise VideoUnreadable(
            "The video track is encrypted (DRM) or coded in a way this service has no decoder for. "
            "Send an unprotected MP4, for example with H.264 video."
        )
    _require_decodable_size(context.width, context.height, limits)
    # The limit given at opening covers probing alone; the decoder has one of its own.
    context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def _is_encrypted(context: "VideoCodecContext") -> bool:
    try:
        return context.codec_tag == "encv"
    except UnicodeDecodeError:  # PyAV takes it for text, also where the index is damaged
        return False


def _require_decodable_size(width: int, height: int, limits: DecodeLimits) -> None:
    if 0 < width * height <= limits.max_pixels:
        return
    # FFmpeg forgets the size of some codecs' pictures when it refuses them for it.
    size = f"is {width}x{height}," if width else "has no size that can be read, or"
    raise VideoUnreadable(
        f"The picture {size} more than the {limits.max_pixels} pixels this service decodes. Send a smaller version."
    )
