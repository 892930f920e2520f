"""Decode no more than the wanted frames need: groups of packets side by side, where that pays.

A group begins at a key frame with which decoding begins afresh. Frames that few others are left of mostly refer to the
one before, so that of several threads at one group each waits for another. With a group to each thread none does. But
what comes out of the later groups is kept meanwhile, so that it is done where few frames of each group are wanted.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING

from reelwork.video.decoding import NOT_IN_ORDER, CheckedDecoder, Course, DecodingUnsure, placed, use_threads
from reelwork.video.frame import Frame
from reelwork.video.packets import Chooser, Step, TimesNotInOrder, needed
from reelwork.video.references import References

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_MOST_AT_ONCE = 4
_ENOUGH_BESIDE = 0.3
"""Two threads at one group take two thirds of the time of one thread, measured: until then it had better not wait."""
_MOST_KEPT_BYTES = 2**25
"""Of the frames of one group that wait for those of an earlier one."""
_MOST_GROUP_BYTES = 2**23
"""Of the packets of one group that are held until it is known how much there is to do."""
_BITS_PER_PIXEL = 24  # where the decoder is not yet known to have another


@dataclass
class Group:
    """Packets to be decoded one after the other.

    Attributes:
        steps: The packets.
        size: Their bytes.
        wanted: How many frames are wanted of them.
        is_whole: Whether decoding begins afresh at the first, and again behind the last.
    """

    steps: list[Step] = field(default_factory=list)
    size: int = 0
    wanted: int = 0
    is_whole: bool = True

    def add(self, step: Step) -> None:
        """Take the next packet."""
        self.steps.append(step)
        self.size += step.sample.packet.size
        self.wanted += step.sample.wanted


def grouped(steps: Iterable[Step], most_wanted: int, most_bytes: int = _MOST_GROUP_BYTES) -> Iterator[Group]:
    """Put packets together in whole groups; a group of more is given in parts, as it comes."""
    group = Group()
    for step in steps:
        if step.afresh:
            if group.steps:
                yield group
            group = Group()
        group.add(step)
        if not group.is_whole or group.wanted > most_wanted or group.size > most_bytes:
            group.is_whole = False
            yield group
            group = Group(is_whole=False)
    if group.steps:
        yield group


def needed_frames(
    container: "InputContainer",
    stream: "VideoStream",
    chooser: Chooser,
    another: Callable[[], "VideoCodecContext"],
) -> Iterator[Frame]:
    """Decode no more than the wanted frames need.

    Args:
        container: The video.
        stream: Its track, with a decoder that is not opened yet.
        chooser: Says which frames are wanted.
        another: Makes one more decoder of the same track.

    Raises:
        DecodingUnsure: The decoder did not give what the packets promise.
    """
    context = stream.codec_context
    threads = context.thread_count
    if threads > 1:
        # All of them at one group: most of them wait for others, and twice as many find more to do.
        use_threads(stream, 2 * threads)
    at_once = min(threads, _MOST_AT_ONCE) if References.of(context.name, context.extradata) is not None else 1
    try:
        groups = grouped(needed(placed(container, stream, chooser)), _MOST_KEPT_BYTES // _picture_bytes(context))
        yield from _SideBySide(CheckedDecoder(context), another, at_once).frames(groups)
    except TimesNotInOrder as error:
        raise DecodingUnsure(NOT_IN_ORDER) from error


def _picture_bytes(context: "VideoCodecContext") -> int:
    bits = context.format.padded_bits_per_pixel if context.format else _BITS_PER_PIXEL
    return max(context.width * context.height, 1) * bits // 8


class _SideBySide:
    """Decodes groups in one thread each while there is enough to be decoded beside them, and else by all threads."""

    def __init__(self, together: CheckedDecoder, another: "Callable[[], VideoCodecContext]", at_once: int) -> None:
        self._together = together
        self._another = another
        self._at_once = at_once
        self._course = Course()
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="decode-group")
        self._idle: list[CheckedDecoder] = []
        # Groups wait, are begun apart, and are over: in their order, whoever takes them. The mutex is for these.
        self._mutex = Lock()
        self._waiting: deque[Group] = deque()
        self._begun: deque[_Apart] = deque()
        self._running: set[_Apart] = set()
        self._is_exhausted = False
        self._is_over = False

    def frames(self, groups: Iterable[Group]) -> Iterator[Frame]:
        """Give the frames of all groups in their order."""
        with self._pool:
            try:
                for group in groups:
                    if group.is_whole and not self._begun:
                        yield from self._together.end(self._course)  # of a group that came in parts
                    with self._mutex:
                        self._waiting.append(group)
                    self._begin()
                    while next_one := self._next(most_waiting=self._at_once if group.is_whole else 0):
                        yield from self._frames_of(next_one)
                self._is_exhausted = True
                self._begin()
                while next_one := self._next(most_waiting=-1):
                    yield from self._frames_of(next_one)
                yield from self._together.end(self._course)
            finally:
                self._is_over = True

    def _next(self, most_waiting: int) -> "Group | _Apart | None":
        """Take what comes next, if more is waiting than that; below zero: if there is any."""
        with self._mutex:
            if len(self._waiting) <= most_waiting:
                return None
            groups: deque[Group] | deque[_Apart] = self._begun or self._waiting
            return groups.popleft() if groups else None

    def _frames_of(self, group: "Group | _Apart") -> Iterator[Frame]:
        if isinstance(group, _Apart):
            while isinstance(frame := group.out.get(), Frame):
                yield frame
            if frame is not None:
                raise frame
            self._course.follow(group.course)
        else:
            for step in group.steps:
                yield from self._together.decode(step, self._course)
            if group.is_whole:
                yield from self._together.end(self._course)
        self._begin()

    def _begin(self) -> None:
        """Have threads that have nothing to do begin with groups apart, while few wait to be taken."""
        with self._mutex:
            while len(self._running) < self._at_once >= len(self._begun) and self._pays():
                apart = _Apart(self._waiting.popleft(), is_last=self._is_exhausted and not self._waiting)
                self._begun.append(apart)
                self._running.add(apart)
                self._pool.submit(self._decode, apart)

    def _pays(self) -> bool:
        """Say whether the next group is decoded sooner apart: if there is enough to do beside it."""
        if self._at_once == 1 or self._is_over or not self._waiting or not self._waiting[0].is_whole:
            return False
        size, *others = (group.size for group in self._waiting if group.is_whole)
        return sum(apart.left for apart in self._running) + sum(others) >= size * _ENOUGH_BESIDE

    def _decode(self, apart: "_Apart") -> None:
        outcome: BaseException | None = None
        try:
            decoder = self._decoder(apart)
            for frame in apart.frames(decoder):
                apart.out.put(frame)
                if self._is_over:
                    return
            if decoder is not self._together:
                self._idle.append(decoder)
        except BaseException as error:
            outcome = error
        with self._mutex:
            self._running.remove(apart)
        self._begin()
        apart.out.put(outcome)

    def _decoder(self, apart: "_Apart") -> CheckedDecoder:
        if apart.is_last and not self._together.is_busy:
            return self._together  # so that threads that have nothing else to do help
        # Opened here, because to open one takes as long as to decode a frame.
        return self._idle.pop() if self._idle else CheckedDecoder(self._another())


class _Apart:
    """A group that is decoded apart.

    Attributes:
        course: What its frames say.
        left: How many bytes of its packets are still to be decoded.
        out: Its frames; then an error, or None at the end.
    """

    def __init__(self, group: Group, *, is_last: bool) -> None:
        self.is_last = is_last
        self.course = Course()
        self.left = group.size
        self.out: SimpleQueue[Frame | BaseException | None] = SimpleQueue()
        self._steps = group.steps

    def frames(self, decoder: CheckedDecoder) -> Iterator[Frame]:
        """Decode it."""
        for step in self._steps:
            yield from decoder.decode(step, self.course)
            self.left -= step.sample.packet.size
        yield from decoder.end(self.course)
