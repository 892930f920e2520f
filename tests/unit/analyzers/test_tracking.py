"""The tracker on made-up objects whose identity is known."""

import time as clock
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.analyzers.boxes import Box
from reelwork.analyzers.builtin.motion import Motions
from reelwork.analyzers.builtin.tracking import Seen, Tracker

Path = Callable[[float], tuple[float, float]]
Numbers = list[int | None]


@dataclass
class Actor:
    """Something that moves: the path of its centre, its size, and when it cannot or hardly be seen."""

    path: Path
    label: str = "car"
    width: float = 0.1
    height: float = 0.2
    hidden: tuple[float, float] = (9, 9)
    faint: tuple[float, float] = (9, 9)

    def box(self, time: float) -> Box:
        x, y = self.path(time)
        return Box(x=x - self.width / 2, y=y - self.height / 2, w=self.width, h=self.height)


def along(x: float, y: float, right: float = 0.0, down: float = 0.0) -> Path:
    """Move at so much a second."""
    return lambda time: (x + right * time, y + down * time)


def times(seconds: float, rate: int = 25) -> list[Fraction]:
    return [Fraction(number, rate) for number in range(int(seconds * rate))]


def numbers_of(actors: Sequence[Actor], moments: Iterable[Fraction], max_gap: Fraction = Fraction(1)) -> list[Numbers]:
    """Return for each actor the number it had in each frame, None where it had none."""
    tracker = Tracker(max_gap)
    found: list[Numbers] = [[] for _ in actors]
    for time in moments:
        shown = [actor for actor in actors if not actor.hidden[0] <= time < actor.hidden[1]]
        shown.sort(key=lambda actor: actor.faint[0] <= time < actor.faint[1])
        certain = [actor for actor in shown if not actor.faint[0] <= time < actor.faint[1]]
        seen = [Seen(actor.label, actor.box(float(time))) for actor in shown]
        numbers = tracker.update(time, seen[: len(certain)], seen[len(certain) :])
        by_actor = dict(zip(map(id, shown), numbers, strict=True))
        for actor, its in zip(actors, found, strict=True):
            its.append(by_actor.get(id(actor)))
    return found


def identities(numbers: Numbers) -> list[int]:
    """Return the numbers in order of first appearance."""
    return list(dict.fromkeys(number for number in numbers if number is not None))


EVERY_RATE = pytest.mark.parametrize("rate", [50, 25, 10, 5])


@EVERY_RATE
def test_each_object_keeps_its_number(rate: int) -> None:
    actors = [Actor(along(0.1, 0.2, right=0.15)), Actor(along(0.9, 0.5, right=-0.15)), Actor(along(0.5, 0.8))]
    assert numbers_of(actors, times(5, rate)) == [[number] * 5 * rate for number in (1, 2, 3)]


@EVERY_RATE
@pytest.mark.parametrize("down", [0.0, 0.1], ids=["head-on", "slanting"])
def test_objects_that_cross_keep_their_numbers(rate: int, down: float) -> None:
    actors = [Actor(along(0.2, 0.5, right=0.15)), Actor(along(0.79, 0.5 - 2 * down, right=-0.14, down=down))]
    assert [identities(numbers) for numbers in numbers_of(actors, times(4, rate))] == [[1], [2]]


@EVERY_RATE
def test_objects_that_cross_behind_each_other_keep_their_numbers(rate: int) -> None:
    # While they overlap by a third, the detector sees the one in front only.
    behind = Actor(along(0.8, 0.5, right=-0.15), hidden=(1.83, 2.17))
    assert [identities(n) for n in numbers_of([Actor(along(0.2, 0.5, right=0.15)), behind], times(4, rate))] == [
        [1],
        [2],
    ]


@EVERY_RATE
def test_an_object_unseen_for_no_more_than_the_gap_is_the_same(rate: int) -> None:
    actor = Actor(along(0.1, 0.5, right=0.2), hidden=(0.99, 1.75))
    assert identities(numbers_of([actor], times(4, rate))[0]) == [1]
    assert identities(numbers_of([actor], times(4, rate), max_gap=Fraction(1, 2))[0]) == [1, 2]


def test_the_gap_is_exact() -> None:
    # Seen at 0.6 s and again at 0.9 s: 0.9 - 0.6 is more than 0.3 in doubles.
    actor = Actor(along(0.5, 0.5), hidden=(0.65, 0.85))
    assert 0.9 - 0.6 > 0.3
    for gap, expected in ((Fraction(3, 10), [1]), (Fraction(2999, 10000), [1, 2])):
        assert identities(numbers_of([actor], times(2, 10), max_gap=gap)[0]) == expected


def test_without_a_gap_an_object_missed_once_is_new() -> None:
    actor = Actor(along(0.5, 0.5), hidden=(0.35, 0.45))
    assert numbers_of([actor], times(1, 10), max_gap=Fraction(0)) == [[1, 1, 1, 1, None, 2, 2, 2, 2, 2]]


def test_frames_further_apart_than_the_gap_are_no_gap() -> None:
    assert numbers_of([Actor(along(0.5, 0.5))], times(30, 1), max_gap=Fraction(1, 2)) == [[1] * 30]


def test_numbers_count_from_one_in_order_of_appearance() -> None:
    late = Actor(along(0.2, 0.2), hidden=(0, 1))
    later = Actor(along(0.8, 0.2), hidden=(0, 2))
    first = Actor(along(0.5, 0.8))
    assert [identities(numbers) for numbers in numbers_of([later, late, first], times(3))] == [[3], [2], [1]]


def test_one_that_leaves_gives_its_number_to_none_that_comes_elsewhere() -> None:
    leaves, comes = Actor(along(0.2, 0.2), hidden=(1, 9)), Actor(along(0.7, 0.7), hidden=(0, 1))
    assert [identities(numbers) for numbers in numbers_of([leaves, comes], times(2))] == [[1], [2]]


@EVERY_RATE
def test_an_object_that_is_faint_for_a_while_is_followed(rate: int) -> None:
    actor = Actor(along(0.1, 0.5, right=0.2), faint=(1, 3))
    assert numbers_of([actor], times(4, rate)) == [[1] * 4 * rate]


def test_what_was_never_certain_is_no_object() -> None:
    actors = [Actor(along(0.5, 0.5)), Actor(along(0.8, 0.8), faint=(0, 9))]
    assert numbers_of(actors, times(2)) == [[1] * 50, [None] * 50]


def test_an_object_that_returns_faint_is_followed() -> None:
    actor = Actor(along(0.5, 0.5), hidden=(0.35, 0.55), faint=(0.35, 0.75))
    assert numbers_of([actor], times(1, 10)) == [[1, 1, 1, 1, None, None, 1, 1, 1, 1]]


def test_a_certain_object_comes_before_a_faint_one() -> None:
    tracker = Tracker(Fraction(1))
    box = Box(x=0.4, y=0.4, w=0.2, h=0.2)
    beside = Box(x=0.45, y=0.4, w=0.2, h=0.2)
    assert tracker.update(Fraction(0), [Seen("car", box)], []) == [1]
    assert tracker.update(Fraction(1, 25), [Seen("car", beside)], [Seen("car", box)]) == [1, None]


def test_another_class_is_another_object() -> None:
    tracker = Tracker(Fraction(1))
    box = Box(x=0.4, y=0.4, w=0.2, h=0.2)
    assert tracker.update(Fraction(0), [Seen("car", box), Seen("truck", box)], []) == [1, 2]
    assert tracker.update(Fraction(1, 25), [Seen("truck", box), Seen("bus", box), Seen("car", box)], []) == [2, 3, 1]


def test_another_class_in_the_same_place_continues_nothing() -> None:
    tracker = Tracker(Fraction(1))
    box = Box(x=0.4, y=0.4, w=0.2, h=0.2)
    assert tracker.update(Fraction(0), [Seen("car", box)], []) == [1]
    assert tracker.update(Fraction(1, 25), [Seen("truck", box)], [Seen("bus", box)]) == [2, None]


def test_a_variable_frame_rate_changes_nothing() -> None:
    random = np.random.default_rng(3)
    steps = [Fraction(int(ticks), 90_000) for ticks in random.integers(300, 20_000, 60)]
    moments = [sum(steps[:place], Fraction(0)) for place in range(60)]
    actors = [Actor(along(0.1, 0.5, right=0.1)), Actor(along(0.9, 0.5, right=-0.1)), Actor(along(0.1, 0.2, right=0.1))]
    assert [identities(numbers) for numbers in numbers_of(actors, moments)] == [[1], [2], [3]]


def test_an_object_that_moves_its_own_width_between_frames_is_followed() -> None:
    actor = Actor(along(0.1, 0.5, right=0.2))
    assert numbers_of([actor], times(4, 2)) == [[1] * 8]


@settings(deadline=None, max_examples=40)
@given(
    steps=st.lists(st.fractions(Fraction(1, 60), Fraction(1, 4)), min_size=2, max_size=20),
    speeds=st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=5),
)
def test_objects_in_lanes_of_their_own_keep_their_numbers(steps: list[Fraction], speeds: list[float]) -> None:
    moments = [sum(steps[:place], Fraction(0)) for place in range(len(steps))]
    actors = [
        Actor(along(0.5, (lane + 0.5) / 5, right=speed), width=0.1, height=0.1) for lane, speed in enumerate(speeds)
    ]
    found = numbers_of(actors, moments)
    assert found == [[lane + 1] * len(steps) for lane in range(len(speeds))]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), cut=st.integers(1, 9))
def test_numbers_follow_from_what_was_seen_so_far(seed: int, cut: int) -> None:
    def run(frames: int) -> list[list[int | None]]:
        random = np.random.default_rng(seed)
        tracker = Tracker(Fraction(1, 5))
        return [tracker.update(Fraction(frame, 10), crowd(random, 12), crowd(random, 12)) for frame in range(frames)]

    whole = run(10)
    assert whole[:cut] == run(cut)
    first_seen = list(dict.fromkeys(number for numbers in whole for number in numbers if number is not None))
    assert first_seen == list(range(1, len(first_seen) + 1))
    for numbers in whole:
        known = [number for number in numbers if number is not None]
        assert len(set(known)) == len(known)
        assert None not in numbers[:12]


def crowd(random: np.random.Generator, count: int) -> list[Seen]:
    places, sizes = random.uniform(0, 0.8, (count, 2)), random.uniform(0.05, 0.2, (count, 2))
    return [
        Seen("car", Box(x=x, y=y, w=w, h=h)) for (x, y), (w, h) in zip(places.tolist(), sizes.tolist(), strict=True)
    ]


def test_a_model_that_fires_everywhere_does_not_stop_the_job() -> None:
    random = np.random.default_rng(0)
    tracker = Tracker(Fraction(3600))
    began = clock.process_time()  # other tests may keep the cores busy
    for frame in range(12):
        assert len(tracker.update(Fraction(frame, 25), crowd(random, 300), crowd(random, 300))) == 600
    assert clock.process_time() - began < 20


def test_objects_that_never_come_back_do_not_fill_the_memory() -> None:
    tracker = Tracker(Fraction(3600))
    places = crowd(np.random.default_rng(0), 300)
    for frame in range(12):
        tracker.update(Fraction(frame, 25), [Seen(f"class {frame}", seen.box) for seen in places], [])
    assert len(tracker._tracks) == 1300
    # The last 1000 were not forgotten.
    kept = tracker.update(Fraction(12, 25), [Seen("class 8", seen.box) for seen in places], [])
    assert kept[-1] == 9 * 300


def test_nothing_at_all_is_nothing() -> None:
    tracker = Tracker(Fraction(1))
    assert tracker.update(Fraction(0), [], []) == []
    assert tracker.update(Fraction(1), [], [Seen("car", Box(x=0.1, y=0.1, w=0.1, h=0.1))]) == [None]


@given(seconds=st.floats(0, 10), share=st.floats(0, 1))
def test_two_steps_of_motion_are_one(seconds: float, share: float) -> None:
    at_once, in_two = Motions(), Motions()
    for motions in (at_once, in_two):
        motions.add(np.array([[0.3, 0.5, 0.1, 0.2], [0.6, 0.1, 0.2, 0.1]]))
        motions.advance(0.5)
        motions.see([0], np.array([[0.4, 0.45, 0.1, 0.2]]))
    at_once.advance(seconds)
    in_two.advance(seconds * share)
    in_two.advance(seconds - seconds * share)
    assert in_two.boxes() == pytest.approx(at_once.boxes())
    assert in_two.deviations() == pytest.approx(at_once.deviations())


def test_motion_learns_the_speed() -> None:
    motions = Motions()
    motions.add(np.array([[0.1, 0.5, 0.1, 0.2]]))
    for step in range(1, 20):
        motions.advance(0.1)
        motions.see([0], np.array([[0.1 + 0.02 * step, 0.5 - 0.01 * step, 0.1, 0.2]]))
    unsure = motions.deviations()
    motions.advance(0.5)
    assert motions.boxes() == pytest.approx(np.array([[0.58, 0.26, 0.1, 0.2]]), abs=2e-3)
    assert (motions.deviations() > unsure).all()
