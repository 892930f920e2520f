"""Decode the packets of a video: all of them, or those that the wanted frames need."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reelwork.video.frame import Frame
from reelwork.video.orientation import UPRIGHT, Orientation
from reelwork.video.packets import Chooser, Sample, Step, TimesNotInOrder, place
from reelwork.video.references import Loss, References

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_MOST_THREADS = 8
_MOST_HELD = 15  # the H.264 decoder takes no more
_MOST_REORDERED = 16  # no codec lets more frames wait for one that is presented before them
NOT_IN_ORDER = "the times of its packets do not tell the order of its frames"
_OTHER_ORDER = "frames come in another order than that of their times"
_SAID_ONCE = "a frame that is left out may say how the others are turned"


class DecodingUnsure(Exception):
    """What was decoded so far may be wrong; ``str(error)`` says why."""


@dataclass
class Damage:
    """What is wrong with a decode, and which of it is put up with.

    Attributes:
        keep_frames: Whether frames that the decoder had to guess in parts are given all the same.
        lack_frames: Whether packets may give no frame where a sound video may have such packets too: at its
            beginning, if it was cut, and with interlaced frames and edit lists of several parts.
        lack_any: Whether any packet may.
        frames: Indices of the frames that are damaged.
        missing: How many packets gave none, as far as it was decoded.
    """

    keep_frames: bool = False
    lack_frames: bool = False
    lack_any: bool = False
    frames: list[int] = field(default_factory=list)
    missing: int = 0

    def puts_up_with(self, packets_without_frame: bool) -> bool:
        """Whether a packet may give no frame, in a video that may have such packets though it is sound."""
        return self.lack_any or (self.lack_frames and packets_without_frame)


def use_threads(stream: "VideoStream", count: int) -> None:
    """Let a decoder, not yet opened, use so many threads, or as many as do it any good."""
    context = stream.codec_context
    stream.thread_type = "AUTO"
    context.thread_count = min(count, _MOST_THREADS)
    if count > 1 and context.name == "h264":
        # A frame that comes out while another thread decodes it is not yet marked as damaged. A thread takes a packet
        # only after the one it took before: frames are to wait for as many packets as there are threads.
        context.options["has_b_frames"] = str(min(context.thread_count + context.reorder_depth, _MOST_HELD))


def every_frame(container: "InputContainer", stream: "VideoStream", damage: Damage) -> Iterator[tuple[Frame, bool]]:
    """Decode everything; with each frame comes whether it is a key frame.

    Raises:
        DecodingUnsure: There is damage that is not put up with, or a frame has no time.
    """
    assert stream.time_base is not None
    upright, promised = _Upright(), _Promised()
    index = 0
    references = References.of(stream.codec_context.name, stream.codec_context.extradata)
    # FFmpeg's decoder of interlaced MPEG-4 gives other pictures in several threads than in one, and does not say so.
    is_doubtful = stream.codec_context.name == "mpeg4" and stream.codec_context.thread_count > 1
    ready: list[tuple[Frame, bool]] = []
    for packet in container.demux(stream):
        promised.add(packet)
        settled = [] if packet.size else _settled(stream.codec_context, references)
        for decoded in [*settled, *packet.decode()]:
            if decoded.pts is None:
                raise DecodingUnsure("a frame carries no presentation time")
            if decoded.is_corrupt:
                if not damage.keep_frames:
                    raise DecodingUnsure(f"frame {index} is damaged")
                damage.frames.append(index)
            if is_doubtful and decoded.interlaced_frame:
                raise DecodingUnsure("interlaced MPEG-4 is decoded wrongly by several threads")
            is_key = promised.take(decoded)
            ready.append((Frame(index, decoded.pts * stream.time_base, decoded, upright.turn(decoded)), is_key))
            index += 1
            if promised.overtaken > damage.missing:
                if len(ready) <= _MOST_REORDERED:
                    continue  # it may still come: frames need not come in the order of their times
                if not damage.puts_up_with(promised.may_have_packets_without_frame):
                    raise DecodingUnsure(f"frame {index - len(ready)} did not come out")
                damage.missing = promised.overtaken
            yield from ready
            ready.clear()
    damage.missing = promised.missing
    lacking = promised.surely_missing if damage.lack_frames else promised.missing
    if lacking and not damage.lack_any:
        raise DecodingUnsure("not every frame came out")
    yield from ready


def _settled(context: "VideoCodecContext", references: References | None) -> "list[av.VideoFrame]":
    """Wait until the decoder's threads have done their work, before it is told that there is no more.

    At the end nothing else keeps them from giving out frames that are not yet marked as damaged. So each is given
    a packet without a picture, which it takes only after its work.

    Returns:
        The frames that come out meanwhile.
    """
    import av

    if references is None or context.thread_count == 1:
        return []
    context.skip_frame = "NONREF"
    # One made of a Python object is freed under the lock that who closes the decoder holds while it waits.
    nothing = av.Packet(len(references.nothing))
    nothing.update(references.nothing)
    return [decoded for _ in range(context.thread_count) for decoded in context.decode(nothing)]


class _Promised:
    """What the packets say of the frames that will come out of them."""

    def __init__(self) -> None:
        self._are_keys: dict[int, list[bool]] = {}
        self._first_key: int | None = None
        self._first_shown: int | None = None
        self._before_the_first: list[int] = []
        self._latest_dts: int | None = None
        self._latest_shown: int | None = None
        self.may_have_packets_without_frame = False
        self._any_presented = False
        self._after_the_first = 0
        self.missing = 0

    @property
    def surely_missing(self) -> int:
        """How many of the missing would have come out of a sound video."""
        return 0 if self.may_have_packets_without_frame else self._after_the_first

    @property
    def overtaken(self) -> int:
        """How many frames were due between the first one and the latest, and have not come."""
        if self._first_shown is None or self._latest_shown is None:
            return 0
        due = range(self._first_shown, self._latest_shown)
        return sum(len(keys) for pts, keys in self._are_keys.items() if pts in due and self._must_come(pts))

    def add(self, packet: "av.Packet[VideoStream]") -> None:
        """Take the next packet."""
        if packet.pts is None or not packet.size:
            return
        if packet.is_discard:
            # An edit list of several parts, as a rule.
            self.may_have_packets_without_frame |= self._any_presented
            return
        self._any_presented = True
        self._are_keys.setdefault(packet.pts, []).append(packet.is_keyframe)
        if packet.is_keyframe and self._first_key is None:
            self._first_key = packet.pts
        self.missing += self._must_come(packet.pts)
        if self._first_shown is None:
            self._before_the_first.append(packet.pts)
        else:
            self._after_the_first += packet.pts >= self._first_shown
        if packet.dts is not None:
            self.may_have_packets_without_frame |= self._latest_dts is not None and packet.dts < self._latest_dts
            self._latest_dts = packet.dts

    def take(self, decoded: "av.VideoFrame") -> bool:
        """Take the next frame; say whether it is a key frame."""
        pts = decoded.pts
        assert pts is not None
        self.missing -= self._must_come(pts)
        self._latest_shown = pts if self._latest_shown is None else max(pts, self._latest_shown)
        self.may_have_packets_without_frame |= decoded.interlaced_frame
        if self._first_shown is None:
            self._first_shown = pts
            self._after_the_first = sum(before >= pts for before in self._before_the_first)
        self._after_the_first -= pts >= self._first_shown
        # Of two frames of one time (an edit list goes back) the earlier in decoding order comes out first.
        are_keys = self._are_keys.pop(pts, [False])
        if are_keys[1:]:
            self._are_keys[pts] = are_keys[1:]
        return are_keys[0]

    def _must_come(self, pts: int) -> bool:
        # Those before the first key frame may refer to what was cut off.
        return self._first_key is not None and pts >= self._first_key


def chosen(frames: Iterable[tuple[Frame, bool]], chooser: Chooser) -> Iterator[Frame]:
    """Pick the wanted ones, and stop when no other can be wanted."""
    for frame, is_key in frames:
        if chooser.wants(frame.moment, is_key):
            yield frame
        if chooser.over:
            return


def placed(container: "InputContainer", stream: "VideoStream", chooser: Chooser) -> Iterator[Sample]:
    """Give the packets, in decoding order, with their places among the presented frames.

    Raises:
        DecodingUnsure: Their times do not tell.
    """
    assert stream.time_base is not None
    # The last one, which is empty, tells a decoder that there are no more.
    packets = (packet for packet in container.demux(stream) if packet.size)
    try:
        yield from place(packets, stream.time_base, chooser)
    except TimesNotInOrder as error:
        raise DecodingUnsure(NOT_IN_ORDER) from error


class CheckedDecoder:
    """Decodes groups of packets, and sees to it that every frame that must come out does.

    Attributes:
        is_busy: Whether there may be more to come of the group.
    """

    def __init__(self, context: "VideoCodecContext") -> None:
        """Take a decoder that nobody else uses."""
        self._context = context
        self._references = References.of(context.name, context.extradata)
        self._awaited: dict[int, Step] = {}
        self.is_busy = False

    def decode(self, step: Step, course: "Course") -> Iterator[Frame]:
        """Decode one packet; give the wanted frames that come out, and let the course know of all."""
        if step.afresh:
            yield from self.end(course)
        loss = Loss.REFERENCE if step.in_full else self._loss_of(step.sample)
        if loss is Loss.PICTURE:
            return
        if loss is Loss.REFERENCE:
            self._awaited[step.sample.pts] = step
        self._context.skip_frame = "DEFAULT" if loss is Loss.REFERENCE else "NONREF"
        self.is_busy = True
        yield from self._wanted(self._context.decode(step.sample.packet), course)  # type: ignore[arg-type]

    def end(self, course: "Course") -> Iterator[Frame]:
        """Give what is left; the next packet must be one at which decoding begins afresh.

        Raises:
            DecodingUnsure: A frame is missing.
        """
        if not self.is_busy:
            return
        yield from self._wanted(_settled(self._context, self._references), course)
        yield from self._wanted(self._context.decode(None), course)
        if self._awaited:
            raise DecodingUnsure("not every frame came out")
        self._context.flush_buffers()
        self.is_busy = False

    def _loss_of(self, sample: Sample) -> Loss:
        """Say what is lost without it: if a reference did not come out, nobody would see that others are wrong."""
        if sample.moment is None or self._references is None:
            return Loss.SIDE_DATA
        return self._references.loss_of(memoryview(sample.packet))  # type: ignore[arg-type]  # they are buffers

    def _wanted(self, pictures: "Iterable[av.VideoFrame]", course: "Course") -> Iterator[Frame]:
        for decoded in pictures:
            orientation = course.take(decoded)
            assert decoded.pts is not None
            step = self._awaited.pop(decoded.pts, None)
            if decoded.is_corrupt or (step is not None and not self._is_sound(step, decoded)):
                raise DecodingUnsure("a frame is damaged")
            if step is not None and step.sample.wanted:
                assert step.sample.moment is not None
                yield Frame(step.sample.moment.index, step.sample.moment.time, decoded, orientation)

    def _is_sound(self, step: Step, decoded: "av.VideoFrame") -> bool:
        """Whether decoding, where it began afresh, could begin there."""
        from av.video.frame import PictureType

        return not step.afresh or decoded.pict_type == PictureType.I


class Course:
    """What the frames of a part of a video say one after the other: their times, and how they are turned.

    Attributes:
        first: When the first is presented.
        latest: When the latest is.
        upright: How they are turned.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self.latest: int | None = None
        self.upright = _Upright()

    def take(self, decoded: "av.VideoFrame") -> Orientation:
        """Take the next frame; return how it is turned.

        Raises:
            DecodingUnsure: It comes too late, or frames that were left out may have said something of it.
        """
        if decoded.pts is None or (self.latest is not None and decoded.pts <= self.latest):
            raise DecodingUnsure(_OTHER_ORDER)
        if self.first is None:
            self.first = decoded.pts
        self.latest = decoded.pts
        orientation = self.upright.turn(decoded)
        if self.upright.is_said_once:
            raise DecodingUnsure(_SAID_ONCE)
        return orientation

    def follow(self, part: "Course") -> None:
        """Take all frames of the part that comes next, which was decoded apart from this one.

        Raises:
            DecodingUnsure: As ``take``.
        """
        if part.first is None:
            return
        if self.latest is not None and part.first <= self.latest:
            raise DecodingUnsure(_OTHER_ORDER)
        if self.upright.latest is not None and part.upright.first is None:
            raise DecodingUnsure(_SAID_ONCE)
        self.latest, self.upright = part.latest, part.upright


class _Upright:
    """Knows how frames are turned: what a video says itself, and not its container, it may say once for all."""

    def __init__(self) -> None:
        self.first: Orientation | None = None
        self.latest: Orientation | None = None
        self.is_said_once = False
        self._angle: int | None = None

    def turn(self, decoded: "av.VideoFrame") -> Orientation:
        """Return the orientation of the next frame."""
        # Whoever asks a frame for its matrix makes it refer to itself, and its memory is freed late: ask seldom.
        if decoded.rotation != self._angle:
            given = Orientation.of(decoded)
            if self._angle is None:
                self.first = given
            self._angle = decoded.rotation
            self.is_said_once = given is None and self.latest is not None
            self.latest = given or self.latest
        return self.latest or UPRIGHT
