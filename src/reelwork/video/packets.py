"""Which packets of a video must be decoded so that the wanted frames come out, each exactly as in a whole decode.

Three facts are used. A packet's presentation time and the decoding times of those behind it tell its place among the
presented frames before anything is decoded. Frames that no other frame refers to can be left out. And from
a key frame on, nothing before it is needed, except by its leading frames: those presented before it.

What an index says may be wrong. The decoder checks it: whatever is to come out and does not, the video
is decoded as a whole instead (``TimesNotInOrder`` and ``DecodingUnsure`` ask for that).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import Protocol

from reelwork.video.frame import Moment

MOST_HELD_BYTES = 2**25
"""Packets that may not be needed wait until that is known, up to so many bytes of them."""


MOST_OVERTAKING = 16
"""No codec lets more frames than that be decoded later and presented earlier than another: its time is wrong."""


class Packet(Protocol):
    """What is asked of a packet of the demuxer."""

    @property
    def pts(self) -> int | None:
        """When its frame is presented."""

    @property
    def dts(self) -> int | None:
        """When it is decoded; never decreases."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def is_keyframe(self) -> bool:
        """Whether decoding can begin here."""

    @property
    def is_discard(self) -> bool:
        """Whether its frame is not presented (an edit list leaves it out)."""


class Chooser(Protocol):
    """Says which frames are wanted, asked about every presented frame once, in order."""

    @property
    def takes_all(self) -> bool:
        """Whether every frame is wanted until it is over."""

    @property
    def over(self) -> bool:
        """Whether no later frame can be wanted."""

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say whether this frame is wanted."""


class EveryFrame:
    """Wants all of them."""

    takes_all = True
    over = False

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say yes."""
        return True


class TimesNotInOrder(Exception):
    """The times of the packets do not tell the order of the frames."""


@dataclass(slots=True)
class Sample:
    """A packet and what is known of its frame.

    Attributes:
        moment: Its place; None if it is not presented.
        decided: Whether all this is known already.
        leading: Whether its frame comes before the key frame it follows in decoding order.
    """

    packet: Packet
    pts: int
    moment: Moment | None = None
    decided: bool = False
    wanted: bool = False
    leading: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One packet to decode.

    Attributes:
        afresh: Nothing before it is needed any more: the decoder begins anew.
        in_full: Its frame must come out; otherwise it may be left out if no other frame refers to it.
    """

    sample: Sample
    afresh: bool
    in_full: bool


def place(packets: Iterable[Packet], time_base: Fraction, chooser: Chooser) -> Iterator[Sample]:
    """Number the presented frames and ask for each whether it is wanted; in decoding order.

    Raises:
        TimesNotInOrder: Only a decoder can tell the order of the frames.
    """
    in_order: deque[Sample] = deque()
    size = 0
    places = _Places(time_base, chooser)
    for packet in packets:
        if packet.pts is None or packet.dts is None:
            raise TimesNotInOrder
        sample = Sample(packet, packet.pts)
        in_order.append(sample)
        places.add(sample, packet.dts)
        size += packet.size
        while in_order and in_order[0].decided:
            size -= in_order[0].packet.size
            yield in_order.popleft()
        if size > MOST_HELD_BYTES:
            raise TimesNotInOrder
        if chooser.over:
            break
    places.decide_before(None)
    yield from in_order


class _Places:
    """Gives presented frames their place as soon as no later packet can come before them."""

    def __init__(self, time_base: Fraction, chooser: Chooser) -> None:
        self._time_base = time_base
        self._chooser = chooser
        self._undecided: list[tuple[int, int, Sample]] = []
        self._added = 0
        self._index = 0
        self._latest: int | None = None
        self._latest_dts: int | None = None

    def add(self, sample: Sample, dts: int) -> None:
        # Where an edit list goes back, packets come a second time, and not all of them become frames.
        if self._latest_dts is not None and dts < self._latest_dts:
            raise TimesNotInOrder
        self._latest_dts = dts
        if sample.packet.is_discard:
            sample.decided = True
        elif sample.pts < dts or (self._latest is not None and sample.pts <= self._latest):
            raise TimesNotInOrder
        else:
            self._added += 1
            heappush(self._undecided, (sample.pts, self._added, sample))
        self.decide_before(dts)

    def decide_before(self, dts: int | None) -> None:
        """Decide about the frames that are presented before this time; None: about all."""
        while self._undecided and (dts is None or self._undecided[0][0] < dts):
            pts, added, sample = heappop(self._undecided)
            if pts == self._latest or self._index - added >= MOST_OVERTAKING:
                raise TimesNotInOrder
            sample.moment = Moment(self._index, pts * self._time_base)
            sample.decided = True
            sample.wanted = not self._chooser.over and self._chooser.wants(sample.moment, sample.packet.is_keyframe)
            self._latest, self._index = pts, self._index + 1


def needed(samples: Iterable[Sample]) -> Iterator[Step]:
    """Leave out what no wanted frame needs; in decoding order.

    Raises:
        TimesNotInOrder: Frames that lead a group come behind others of it.
    """
    groups = _Groups()
    for sample in samples:
        yield from groups.add(sample)
    yield from groups.end()


@dataclass(slots=True)
class _Held:
    """Packets in a row that are decoded only if something behind them is wanted."""

    samples: list[Sample] = field(default_factory=list)
    size: int = 0

    def add(self, sample: Sample) -> None:
        self.samples.append(sample)
        self.size += sample.packet.size


class _Groups:
    """Groups of packets: a key frame, its leading frames (together the head), then the others.

    ``_before`` is what is held of the group before. It is needed if a leading frame is; once the head is over
    and no leading frame was wanted, it is let go, and decoding begins afresh at the key frame.
    """

    def __init__(self) -> None:
        self._key: Sample | None = None
        self._is_first = True
        self._in_head = False
        self._leading_is_needed = False
        self._before_is_gone = False
        self._before = _Held()
        self._held = _Held()
        # A cut may have left a beginning at which decoding cannot begin.
        self._afresh = True

    def add(self, sample: Sample) -> Iterator[Step]:
        """Take the next packet; give those that are now known to be needed."""
        comes_before = self._key is not None and sample.pts < self._key.pts
        sample.leading = self._in_head and comes_before
        if sample.packet.is_keyframe:
            yield from self._end_head()
            self._begin_group(sample)
        elif sample.leading:
            # At the very beginning some decoders leave leading frames out, which changes the count.
            self._leading_is_needed |= sample.wanted or self._is_first
        elif comes_before and self._before_is_gone:
            # It may need what is gone. No encoder is known to do so.
            raise TimesNotInOrder
        else:
            yield from self._end_head()
        self._held.add(sample)
        if self._is_too_much():
            self._leading_is_needed = True
            yield from self._end_head()
            yield from self._let_out()
        elif not self._in_head and (sample.wanted or self._key is None):
            yield from self._let_out()

    def end(self) -> Iterator[Step]:
        """Give what is needed at the end."""
        yield from self._end_head()

    def _begin_group(self, key: Sample) -> None:
        self._before, self._held = self._held, _Held()
        self._is_first = self._key is None
        self._key = key
        self._in_head, self._leading_is_needed, self._before_is_gone = True, False, False

    def _end_head(self) -> Iterator[Step]:
        if not self._in_head:
            return
        self._in_head = False
        before, self._before = self._before, _Held()
        # Where its key frame is not presented, nobody would see that decoding could not begin there.
        if self._leading_is_needed or (self._key is not None and self._key.moment is None):
            yield from self._out(before)
            yield from self._let_out()
            return
        if before.samples:
            self._afresh = self._before_is_gone = True
            # Without what came before they cannot be decoded.
            self._held = _Held([sample for sample in self._held.samples if not sample.leading])
        # The very first may say how all of them are turned.
        if self._is_first or any(sample.wanted for sample in self._held.samples):
            yield from self._let_out()

    def _is_too_much(self) -> bool:
        return self._before.size + self._held.size > MOST_HELD_BYTES

    def _let_out(self) -> Iterator[Step]:
        held, self._held = self._held, _Held()
        yield from self._out(held)

    def _out(self, held: _Held) -> Iterator[Step]:
        for sample in held.samples:
            afresh, self._afresh = self._afresh, False
            in_full = sample.moment is not None and (sample.wanted or sample.leading or afresh)
            yield Step(sample, afresh, in_full)
