"""Which packets are decoded for the frames that are wanted."""

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reelwork.video import packets
from reelwork.video.frame import Moment
from reelwork.video.packets import Sample, Step, TimesNotInOrder, needed, place

examples = settings(max_examples=60, deadline=None)

TIME_BASE = Fraction(1, 1000)


@dataclass(eq=False)
class Coded:
    """A packet; ``name`` is its place in decoding order."""

    name: int
    pts: int | None
    dts: int | None
    is_keyframe: bool = False
    is_discard: bool = False
    size: int = 1000


class Wanting:
    """Wants the frames of these indices; it is over behind the last if told so. Remembers what it was asked."""

    takes_all = False

    def __init__(self, indices: Iterable[int], ends: bool = False) -> None:
        self._wanted = set(indices)
        self._last = max(self._wanted, default=-1) if ends else sys.maxsize
        self.asked: list[tuple[Moment, bool]] = []
        self.over = False

    def wants(self, moment: Moment, is_key: bool) -> bool:
        assert not self.over
        self.asked.append((moment, is_key))
        self.over = moment.index >= self._last
        return moment.index in self._wanted


@dataclass(frozen=True)
class Group:
    """A key frame, then frames that are presented before it, then others, by their places behind the key frame."""

    leading: int
    order: tuple[int, ...]


def coded(groups: Sequence[Group], delay: int = 0, scale: int = 40, discards: Iterable[int] = ()) -> list[Coded]:
    """Make the packets of groups: leading frames are presented right before their key frame."""
    found: list[Coded] = []
    presented = 0
    for group in groups:
        key = presented + group.leading
        places = [key, *range(presented, key), *(key + place for place in group.order)]
        found += [Coded(0, place, None, is_keyframe=place == key) for place in places]
        presented += len(places)
    # A frame is presented no earlier than it is decoded: the largest step back tells how much later.
    late = max((number - packet.pts for number, packet in enumerate(found) if packet.pts is not None), default=0)
    for number, packet in enumerate(found):
        assert packet.pts is not None
        packet.name, packet.dts = number, (number - late - delay) * scale
        packet.pts *= scale
        packet.is_discard = number in discards
    return found


@st.composite
def groups(draw: st.DrawFn) -> list[Group]:
    """Draw closed and open groups, with frames in any order behind the key frame."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        behind = draw(st.integers(0, 5))
        order = tuple(draw(st.permutations(range(1, behind + 1))))
        leading = draw(st.integers(0, 3)) if number or draw(st.booleans()) else 0
        found.append(Group(leading, order))
    return found


@st.composite
def videos(draw: st.DrawFn) -> list[Coded]:
    found = coded(draw(groups()), delay=draw(st.integers(0, 3)), scale=draw(st.sampled_from([1, 40, 1001])))
    for number in draw(st.sets(st.integers(0, len(found) - 1), max_size=3)):
        found[number].is_discard = True
    if draw(st.booleans()):
        # A cut may have left the end of a group in front.
        found = found[draw(st.integers(0, min(2, len(found) - 1))) :]
    for packet in found:
        packet.size = draw(st.integers(1, 100))
    return found


def samples(video: Sequence[Coded], wanted: Iterable[int]) -> list[Sample]:
    return list(place(video, TIME_BASE, Wanting(wanted)))


def names(steps: Iterable[Step]) -> list[int]:
    return [step.sample.packet.name for step in steps]  # type: ignore[attr-defined]


def picked(data: st.DataObject, video: Sequence[Coded]) -> set[int]:
    presented = sum(not packet.is_discard for packet in video)
    return data.draw(st.sets(st.integers(0, presented - 1), max_size=4)) if presented else set()


class TestPlace:
    @examples
    @given(videos(), st.data())
    def test_frames_are_numbered_as_they_are_presented(self, video: list[Coded], data: st.DataObject) -> None:
        wanted = picked(data, video)
        found = samples(video, wanted)
        assert [sample.packet for sample in found] == video
        presented = sorted(packet.pts for packet in video if packet.pts is not None and not packet.is_discard)
        for sample in found:
            assert sample.decided
            if sample.packet.is_discard:
                assert (sample.moment, sample.wanted) == (None, False)
            else:
                index = presented.index(sample.pts)
                assert sample.moment == Moment(index, sample.pts * TIME_BASE)
                assert sample.wanted == (index in wanted)

    @examples
    @given(videos(), st.data())
    def test_the_chooser_is_asked_about_each_once_in_order(self, video: list[Coded], data: st.DataObject) -> None:
        wanted = picked(data, video)
        chooser = Wanting(wanted, ends=data.draw(st.booleans()))
        found = list(place(video, TIME_BASE, chooser))
        shown = sorted((packet for packet in video if not packet.is_discard), key=lambda packet: packet.pts or 0)
        asked = shown[: max(wanted, default=0) + 1] if chooser.over else shown
        assert [(moment.index, is_key) for moment, is_key in chooser.asked] == [
            (index, packet.is_keyframe) for index, packet in enumerate(asked)
        ]
        assert {sample.moment.index for sample in found if sample.wanted and sample.moment} == wanted

    @examples
    @given(videos())
    def test_no_more_is_read_than_it_takes_to_know(self, video: list[Coded]) -> None:
        """A packet is given as soon as one comes that is decoded behind the presentation of all before it."""
        read = 0

        def reading() -> Iterator[Coded]:
            nonlocal read
            for packet in video:
                read += 1
                yield packet

        for given_, _ in enumerate(place(reading(), TIME_BASE, Wanting([]))):
            until = max((one.pts or 0 for one in video[: given_ + 1] if not one.is_discard), default=None)
            first = next((n for n, one in enumerate(video) if until is None or (one.dts or 0) > until), len(video))
            assert read <= max(first, given_) + 1

    def test_nothing_is_read_behind_the_last_that_is_wanted(self) -> None:
        video = coded([Group(0, (1, 2, 3))] * 100)
        read: list[int] = []
        chooser = Wanting([5], ends=True)
        list(place((read.append(packet.name) or packet for packet in video), TIME_BASE, chooser))  # type: ignore[func-returns-value]
        assert read[-1] <= 8

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda video: setattr(video[3], "pts", None), "no presentation time"),
            (lambda video: setattr(video[3], "dts", None), "no decoding time"),
            (lambda video: setattr(video[3], "pts", video[3].dts - 1), "presented before it is decoded"),
            (lambda video: setattr(video[3], "pts", video[4].pts), "two at the same time"),
            (lambda video: setattr(video[5], "dts", -4000) or setattr(video[5], "pts", -3990), "time goes back"),
        ],
    )
    def test_times_that_do_not_tell_the_order(self, change: Callable[[list[Coded]], None], why: str) -> None:
        video = coded([Group(0, (3, 1, 2, 6, 4, 5))])
        assert len(samples(video, [])) == 7
        change(video)
        with pytest.raises(TimesNotInOrder):
            samples(video, [])

    @examples
    @given(groups(), st.data())
    def test_whatever_the_times_either_the_order_is_right_or_it_is_said_not_to_be(
        self, drawn: list[Group], data: st.DataObject
    ) -> None:
        video = coded(drawn)
        for packet in data.draw(st.lists(st.sampled_from(video), max_size=3)):
            packet.pts = data.draw(st.integers(-100, 40 * len(video)))
        for packet in data.draw(st.lists(st.sampled_from(video), max_size=2)):
            packet.dts = data.draw(st.integers(-200, 40 * len(video)))
        try:
            found = samples(video, [])
        except TimesNotInOrder:
            return
        times = sorted(packet.pts or 0 for packet in video)
        assert len(set(times)) == len(times)
        assert all(sample.moment and sample.moment.index == times.index(sample.pts) for sample in found)


def in_groups(found: Sequence[Sample]) -> list[list[Sample]]:
    """Divide samples at key frames; the first group may have none."""
    divided: list[list[Sample]] = [[]]
    for sample in found:
        if sample.packet.is_keyframe:
            divided.append([])
        divided[-1].append(sample)
    return divided


def head_of(group: Sequence[Sample]) -> int:
    """How many samples a key frame and its leading frames are."""
    length = 1
    while length < len(group) and group[length].pts < group[0].pts:
        length += 1
    return length


def expected(found: Sequence[Sample]) -> list[int]:
    """Work out which packets are needed, from the last group back to the first."""
    without_key, *divided = in_groups(found)
    whole = [needs_the_one_before(group, not number) for number, group in enumerate(divided)]
    until = []
    for number, group in enumerate(divided):
        last_wanted = max((n + 1 for n, sample in enumerate(group) if sample.wanted), default=0)
        # Where the key frame is wanted its leading frames come along, unless something before them is missing.
        last_wanted = max(last_wanted, head_of(group)) if last_wanted else 0
        all_of_it = number + 1 < len(divided) and whole[number + 1]
        until.append(len(group) if all_of_it else max(last_wanted, head_of(group) if whole[number] else 0))
    needed_ones = list(without_key)
    gapless = True
    for number, group in enumerate(divided):
        head = head_of(group)
        drops = not whole[number] and not gapless
        needed_ones += [s for n, s in enumerate(group[: until[number]]) if not (drops and 0 < n < head)]
        kept = [n for n in range(len(group)) if not (drops and 0 < n < head)]
        gapless = until[number] > kept[-1]
    return [sample.packet.name for sample in needed_ones]  # type: ignore[attr-defined]


def needs_the_one_before(group: Sequence[Sample], is_first: bool) -> bool:
    head = head_of(group)
    return is_first or group[0].moment is None or any(sample.wanted for sample in group[1:head])


class TestNeeded:
    @examples
    @given(videos(), st.data())
    def test_nothing_less_and_nothing_more(self, video: list[Coded], data: st.DataObject) -> None:
        found = samples(video, picked(data, video))
        assert names(needed(found)) == expected(found)

    @examples
    @given(videos(), st.data(), st.sampled_from([10**9, 300, 50, 0]))
    def test_every_wanted_frame_can_be_decoded(self, video: list[Coded], data: st.DataObject, most: int) -> None:
        """From where decoding begins nothing is left out, but leading frames of the first key frame."""
        found = samples(video, picked(data, video))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packets, "MOST_HELD_BYTES", most)
            steps = list(needed(found))
        assert {id(s) for s in found if s.wanted} <= {id(step.sample) for step in steps if step.in_full}
        numbers = {id(sample): number for number, sample in enumerate(found)}
        before = None
        for step in steps:
            here = numbers[id(step.sample)]
            if step.afresh:
                assert before is None or step.sample.packet.is_keyframe
                key = step.sample
            else:
                assert before is not None
                left_out = found[before + 1 : here]
                assert not left_out or found[before] is key
                assert all(sample.pts < key.pts and not sample.wanted for sample in left_out)
            before = here

    @examples
    @given(videos(), st.data())
    def test_frames_that_must_come_out(self, video: list[Coded], data: st.DataObject) -> None:
        for step in needed(samples(video, picked(data, video))):
            if step.in_full:
                assert step.sample.moment is not None
            if step.sample.moment is not None and (step.sample.wanted or step.afresh):
                assert step.in_full

    def test_a_wanted_leading_frame_needs_the_group_before(self) -> None:
        video = coded([Group(0, (1, 2)), Group(0, (1, 2)), Group(2, (1, 2)), Group(0, (1,))])
        # Decoded: 0 1 2 | 3 4 5 | key of 8, leading 6 and 7, 9 10 | 11 12
        assert names(needed(samples(video, [6]))) == [0, 3, 4, 5, 6, 7, 8]
        assert names(needed(samples(video, [9]))) == [0, 6, 9]
        assert [step.afresh for step in needed(samples(video, [9]))] == [True, True, False]

    def test_a_leading_frame_behind_others_needs_what_may_be_gone(self) -> None:
        video = [Coded(name, pts, name - 9, is_keyframe=name in (0, 2)) for name, pts in enumerate([0, 1, 3, 4, 2])]
        with pytest.raises(TimesNotInOrder):
            names(needed(samples(video, [2])))
        assert names(needed(samples(video, range(5)))) == list(range(5))

    def test_only_the_first_key_frame_if_nothing_is_wanted(self) -> None:
        video = coded([Group(0, (1, 2)), Group(1, (1, 2))])
        assert names(needed(samples(video, []))) == [0]
        assert list(needed([])) == []

    def test_everything_if_everything_is_wanted(self) -> None:
        video = coded([Group(0, (2, 1)), Group(1, (1, 2))])
        steps = list(needed(samples(video, range(7))))
        assert names(steps) == list(range(7))
        assert [step.afresh for step in steps] == [True] + [False] * 6


class Weak(Coded):
    """A packet whose end is noticed."""


def held(video: Sequence[Coded], run: Callable[[Iterable[Coded]], Iterable[object]]) -> int:
    """Return how many bytes of packets were alive at most."""
    alive: list[tuple[weakref.ref[Coded], int]] = []
    most = 0

    def reading() -> Iterator[Coded]:
        nonlocal most
        for one in video:
            packet = Weak(one.name, one.pts, one.dts, one.is_keyframe, one.is_discard, one.size)
            alive.append((weakref.ref(packet), packet.size))
            most = max(most, sum(size for reference, size in alive if reference() is not None))
            yield packet

    for _ in run(reading()):
        pass
    return most


class TestMemory:
    LONG = coded([Group(0, tuple(range(1, 400)))] * 3)

    @pytest.fixture(autouse=True)
    def most(self, monkeypatch: pytest.MonkeyPatch) -> int:
        monkeypatch.setattr(packets, "MOST_HELD_BYTES", 20_000)
        return 20_000

    def needed_of(self, wanted: Sequence[int]) -> Callable[[Iterable[Coded]], Iterable[object]]:
        return lambda read: needed(place(read, TIME_BASE, Wanting(wanted)))

    @pytest.mark.parametrize("wanted", [[], [0], [399], [1199]])
    def test_of_packets_that_may_not_be_needed_only_so_many_are_held(self, most: int, wanted: list[int]) -> None:
        # Some at a time wait for their place too: in this video hardly any.
        assert held(self.LONG, self.needed_of(wanted)) <= most + 5 * 1000

    @pytest.mark.parametrize("wanted", [[], [0], [399], [1199], [500, 700]])
    def test_then_they_are_decoded_in_any_case(self, wanted: list[int]) -> None:
        steps = list(needed(samples(self.LONG, wanted)))
        numbers = names(steps)
        assert numbers == sorted(set(numbers))
        assert {step.sample.moment.index for step in steps if step.in_full and step.sample.moment} >= {*wanted}
        assert len(numbers) > 1000

    def test_leading_frames_are_held_no_longer(self, most: int) -> None:
        video = coded([Group(0, (1, 2)), Group(60, (1, 2))])
        numbers = names(needed([Sample(packet, packet.pts or 0, Moment(0, Fraction(0))) for packet in video]))
        assert numbers == list(range(numbers[-1] + 1))
        assert len(numbers) > 20

    def test_what_waits_for_its_place_is_bounded_too(self, most: int) -> None:
        """The first frame is presented behind all others, so that nothing is known until the end."""
        video = coded([Group(0, tuple(range(1, 400)))])
        for packet in video:
            assert packet.dts is not None
            packet.dts -= 40 * 500
        with pytest.raises(TimesNotInOrder):
            samples(video, [])

        def until_refused(read: Iterable[Coded]) -> Iterator[Sample]:
            try:
                yield from place(read, TIME_BASE, Wanting([]))
            except TimesNotInOrder:
                return

        assert held(video, until_refused) <= most + 2 * 1000


@examples
@given(videos(), st.data())
def test_a_chooser_that_is_over_early_gets_the_same_frames(video: list[Coded], data: st.DataObject) -> None:
    wanted = picked(data, video)
    assume(wanted)
    early = needed(place(video, TIME_BASE, Wanting(wanted, ends=True)))
    late = needed(samples(video, wanted))

    def shown(steps: Iterable[Step]) -> list[int]:
        return [step.sample.packet.name for step in steps if step.sample.wanted]  # type: ignore[attr-defined]

    assert shown(early) == shown(late)
