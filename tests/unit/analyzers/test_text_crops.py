"""Keeping the readings of crops."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest

from reelwork.analyzers.builtin.text.crops import ReadCrops, Reading
from tests.support.pictures import Picture, plain


class Counting:
    """Reads a crop as its first value, and remembers what it was asked."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __call__(self, crop: Picture) -> Reading:
        self.read.append(int(crop.flat[0]))
        return str(crop.flat[0]), 1.0


def grey(value: int, width: int = 8, height: int = 4) -> Picture:
    return plain(width, height, (value, value, value))


def test_an_identical_crop_is_read_once() -> None:
    counting = Counting()
    crops = ReadCrops(counting, entries=10)
    assert crops.read([grey(1), grey(2), grey(1)]) == [("1", 1.0), ("2", 1.0), ("1", 1.0)]
    assert crops.read([grey(2)]) == [("2", 1.0)]
    assert counting.read == [1, 2]


def test_one_changed_pixel_is_read_again() -> None:
    counting, changed = Counting(), grey(1)
    changed[-1, -1, -1] = 2
    ReadCrops(counting, entries=10).read([grey(1), changed])
    assert counting.read == [1, 1]


def test_the_same_pixels_in_another_shape_are_read_again() -> None:
    counting = Counting()
    ReadCrops(counting, entries=10).read([grey(1, 8, 4), grey(1, 4, 8)])
    assert counting.read == [1, 1]


def test_crops_that_lie_differently_in_memory_are_the_same() -> None:
    counting = Counting()
    noise = np.random.default_rng(1).integers(0, 255, (6, 4, 3), np.uint8)
    turned = np.rot90(noise)
    ReadCrops(counting, entries=10).read([turned, np.ascontiguousarray(turned)])
    assert len(counting.read) == 1


def test_the_reading_not_used_for_longest_is_given_up() -> None:
    counting = Counting()
    crops = ReadCrops(counting, entries=2)
    crops.read([grey(1), grey(2), grey(1), grey(3)])
    crops.read([grey(1)])
    assert counting.read == [1, 2, 3]
    crops.read([grey(2)])
    assert counting.read == [1, 2, 3, 2]


def test_nothing_is_kept_when_switched_off() -> None:
    counting = Counting()
    crops = ReadCrops(counting, entries=0)
    crops.read([grey(1), grey(1)])
    assert counting.read == [1, 1]


def test_threads_that_meet_the_same_crops_share_them_out() -> None:
    read: list[int] = []
    both_reading = Barrier(2, timeout=20)

    def slowly(crop: Picture) -> Reading:
        read.append(int(crop.flat[0]))
        both_reading.wait()  # passes only when two threads read at once
        return str(crop.flat[0]), 1.0

    crops = ReadCrops(slowly, entries=10)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(crops.read, [[grey(1), grey(2)]] * 2))
    assert answers == [[("1", 1.0), ("2", 1.0)]] * 2
    assert sorted(read) == [1, 2]


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    begun, go_on = Event(), Event()
    calls: list[int] = []

    def failing_once(crop: Picture) -> Reading:
        calls.append(1)
        if len(calls) == 1:
            begun.set()
            assert go_on.wait(20)
            raise OSError("broken")
        return "fine", 1.0

    crops = ReadCrops(failing_once, entries=10)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(crops.read, [grey(1)])
        assert begun.wait(20)
        second = pool.submit(crops.read, [grey(1)])
        go_on.set()
        with pytest.raises(OSError, match="broken"):
            first.result(20)
        second.exception(20)
    assert crops.read([grey(1)]) == [("fine", 1.0)]
