"""Which frames are analysed."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork.pipeline.sampling import Range, Sampling, Window
from reelwork.video.decoding import chosen
from reelwork.video.frame import Frame
from tests.support.pipelines import steady_frames, timed_frames


def pick(sampling: Sampling, frames: Iterable[Frame], key_frames: Sequence[int] = ()) -> Iterator[Frame]:
    return chosen(((frame, frame.index in key_frames) for frame in frames), sampling.chooser())


def picked(sampling: Sampling, frames: Iterable[Frame], key_frames: Sequence[int] = ()) -> list[int]:
    return [frame.index for frame in pick(sampling, frames, key_frames)]


def due_every(interval: Fraction, times: Sequence[Fraction]) -> list[int]:
    """The model: of the frames at or after each multiple of the interval, the first, each frame once."""
    ticks = (tick * interval for tick in range(int(times[-1] / interval) + 1))
    return sorted({next(index for index, time in enumerate(times) if time >= tick) for tick in ticks})


class TestStride:
    @pytest.mark.parametrize(
        ("stride", "expected"), [(None, [0, 1, 2, 3, 4, 5, 6]), (1, [0, 1, 2, 3, 4, 5, 6]), (3, [0, 3, 6]), (9, [0])]
    )
    def test_every_nth_frame_beginning_with_the_first(self, stride: int | None, expected: list[int]) -> None:
        assert picked(Sampling(frame_stride=stride), steady_frames(7)) == expected

    def test_no_frames(self) -> None:
        assert picked(Sampling(frame_stride=2), []) == []
        assert picked(Sampling(every_s=2), []) == []


class TestEverySeconds:
    @pytest.mark.parametrize(
        ("every_s", "rate", "count", "expected"),
        [
            (1, 25, 60, [0, 25, 50]),
            (0.5, 30, 46, [0, 15, 30, 45]),
            (0.1, 25, 12, [0, 3, 5, 8, 10]),
            (0.04, 25, 4, [0, 1, 2, 3]),
            (0.001, 25, 4, [0, 1, 2, 3]),
            (100, 25, 60, [0]),
        ],
    )
    def test_the_first_frame_at_or_after_each_multiple(
        self, every_s: float, rate: int, count: int, expected: list[int]
    ) -> None:
        assert picked(Sampling(every_s=every_s), steady_frames(count, rate)) == expected

    def test_the_ticks_do_not_drift(self) -> None:
        """0.1 as a double is a little more than a tenth, which after a long time is a frame too late."""
        frames = steady_frames(40_000, 10)
        assert picked(Sampling(every_s=0.1), frames) == list(range(40_000))

    def test_a_gap_is_not_made_up_for(self) -> None:
        assert picked(Sampling(every_s=1), timed_frames(0, 5, "5.1", "5.9", 6, "6.5")) == [0, 1, 4]

    def test_a_video_that_begins_late(self) -> None:
        assert picked(Sampling(every_s=1), timed_frames("0.7", "0.8", "1.1", "1.2", "2")) == [0, 2, 4]

    def test_frames_at_one_time(self) -> None:
        assert picked(Sampling(every_s=1), timed_frames(0, 0, 1, 1, 2)) == [0, 2, 4]

    @settings(max_examples=100, deadline=None)
    @given(
        st.decimals("0.01", "3", places=3),
        st.lists(st.integers(0, 4000), min_size=1, max_size=15),
        st.sampled_from([1000, 25, 30, 12800, 90000]),
    )
    def test_as_a_model_in_fractions_says(self, every_s: object, steps: list[int], time_base: int) -> None:
        times, time = [], Fraction(0)
        for step in steps:
            times.append(time)
            time += Fraction(step, time_base)
        sampling = Sampling(every_s=float(every_s))  # type: ignore[arg-type]
        assert picked(sampling, timed_frames(*times)) == due_every(Fraction(str(every_s)), times)

    @settings(max_examples=100, deadline=None)
    @given(st.floats(1e-6, 1e6), st.lists(st.fractions(0, 1000), min_size=1, max_size=30))
    def test_of_two_picked_frames_the_second_is_in_a_later_interval(
        self, every_s: float, times: list[Fraction]
    ) -> None:
        frames = timed_frames(*sorted(times))
        found = [frame.time // Fraction(repr(every_s)) for frame in pick(Sampling(every_s=every_s), frames)]
        assert all(earlier < later for earlier, later in pairwise(found))
        assert len(found) == len({frame.time // Fraction(repr(every_s)) for frame in frames})


class Source:
    """Frames that count how many were taken out."""

    def __init__(self, count: int) -> None:
        self._frames = steady_frames(count)
        self.taken = 0

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._frames:
            self.taken += 1
            yield frame


class TestMaxFrames:
    @pytest.mark.parametrize(
        ("sampling", "expected", "taken"),
        [
            (Sampling(max_frames=3), [0, 1, 2], 3),
            (Sampling(max_frames=1), [0], 1),
            (Sampling(frame_stride=4, max_frames=3), [0, 4, 8], 9),
            (Sampling(every_s=0.2, max_frames=2), [0, 5], 6),
            (Sampling(max_frames=1000), list(range(50)), 50),
        ],
    )
    def test_stops_reading_with_the_last_that_is_wanted(
        self, sampling: Sampling, expected: list[int], taken: int
    ) -> None:
        source = Source(50)
        assert [frame.index for frame in pick(sampling, source)] == expected
        assert source.taken == taken

    def test_nothing_is_read_ahead(self) -> None:
        source = Source(50)
        picking = pick(Sampling(frame_stride=10), source)
        assert source.taken == 0
        assert next(picking).index == 0
        assert source.taken == 1
        assert next(picking).index == 10
        assert source.taken == 11


class TestKeyFrames:
    def test_those_alone(self) -> None:
        assert picked(Sampling(keyframes=True), steady_frames(20), key_frames=[0, 7, 12]) == [0, 7, 12]
        assert picked(Sampling(keyframes=True, max_frames=2), steady_frames(20), key_frames=[0, 7, 12]) == [0, 7]
        assert picked(Sampling(keyframes=False), steady_frames(3), key_frames=[1]) == [0, 1, 2]


class TestRanges:
    @pytest.mark.parametrize(
        ("ranges", "expected"),
        [
            ([{"start_frame": 3, "end_frame": 6}], [3, 4, 5]),
            ([{"start_frame": 7}], [7, 8, 9]),
            ([{"end_frame": 2}], [0, 1]),
            ([{"start_s": 0.2, "end_s": 0.4}], [2, 3]),
            ([{"start_s": 0.25, "end_s": 0.41}], [3, 4]),
            ([{"start_s": 0.8}], [8, 9]),
            ([{"end_s": 0.1}], [0]),
            ([{"start_frame": 4, "end_frame": 6}, {"start_frame": 1, "end_frame": 2}], [1, 4, 5]),
            ([{"start_frame": 1, "end_frame": 4}, {"start_s": 0.3, "end_s": 0.5}], [1, 2, 3, 4]),
            ([{"start_frame": 100}], []),
        ],
    )
    def test_the_end_is_not_in_it(self, ranges: list[dict[str, float]], expected: list[int]) -> None:
        assert picked(Sampling.model_validate({"ranges": ranges}), steady_frames(10, 10)) == expected

    def test_strides_and_ticks_count_from_the_beginning(self) -> None:
        frames = steady_frames(30, 10)
        assert picked(Sampling(frame_stride=4, ranges=[Range(start_frame=5)]), frames) == [8, 12, 16, 20, 24, 28]
        assert picked(Sampling(every_s=1, ranges=[Range(start_s=0.5)]), frames) == [10, 20]
        assert picked(Sampling(ranges=[Range(start_frame=5)], max_frames=2), frames) == [5, 6]

    def test_reading_stops_behind_the_last(self) -> None:
        source = Source(50)
        assert picked(Sampling(ranges=[Range(end_frame=3), Range(start_frame=5, end_frame=7)]), source) == [
            0,
            1,
            2,
            5,
            6,
        ]
        assert source.taken == 8

    def test_what_was_written_is_meant_not_the_nearest_double(self) -> None:
        assert picked(Sampling(ranges=[Range(start_s=0.3, end_s=0.7)]), steady_frames(10, 10)) == [3, 4, 5, 6]

    @pytest.mark.parametrize(
        "written",
        [
            {},
            {"start_frame": 1, "end_s": 2.0},
            {"start_frame": 4, "end_frame": 4},
            {"start_s": 2.0, "end_s": 1.0},
            {"start_frame": -1},
            {"start_s": float("nan")},
            {"from": 1},
        ],
    )
    def test_ones_that_make_no_sense(self, written: dict[str, float]) -> None:
        with pytest.raises(ValidationError):
            Sampling.model_validate({"ranges": [written]})

    def test_none_at_all_is_a_mistake(self) -> None:
        with pytest.raises(ValidationError):
            Sampling(ranges=[])


class TestWindow:
    @given(st.integers(1, 5), st.integers(0, 30), st.integers(1, 30), st.integers(1, 8) | st.none())
    def test_windows_side_by_side_pick_what_the_whole_does(
        self, stride: int, cut: int, rest: int, most: int | None
    ) -> None:
        sampling, frames = Sampling(frame_stride=stride, max_frames=most), steady_frames(cut + rest)
        in_parts = [
            frame.index
            for start, end in ((0, cut), (cut, cut + rest))
            for frame in chosen(((frame, False) for frame in frames), Window(sampling.chooser(), start, end))
        ]
        assert in_parts == picked(sampling, frames)


class TestOptions:
    @pytest.mark.parametrize(
        ("own", "options", "expected"),
        [
            (Sampling(), {}, Sampling()),
            (Sampling(every_s=0.5, max_frames=9), {"max_frames": None}, Sampling(every_s=0.5, max_frames=9)),
            (Sampling(every_s=0.5, max_frames=9), {"frame_stride": 3}, Sampling(frame_stride=3, max_frames=9)),
            (Sampling(every_s=0.5, max_frames=9), {"max_frames": 4}, Sampling(every_s=0.5, max_frames=4)),
            (Sampling(every_s=0.5), {"frame_stride": 1, "max_frames": 20}, Sampling(frame_stride=1, max_frames=20)),
            (Sampling(frame_stride=5), {"keyframes": False}, Sampling(frame_stride=5)),
            (Sampling(frame_stride=5), {"keyframes": True}, Sampling(keyframes=True)),
            (Sampling(keyframes=True), {"every_s": 2.0}, Sampling(every_s=2)),
            (Sampling(frame_stride=5), {"ranges": [{"end_s": 3.0}]}, Sampling(frame_stride=5, ranges=[Range(end_s=3)])),
        ],
    )
    def test_what_a_job_asks_for_goes_first(self, own: Sampling, options: dict[str, Any], expected: Sampling) -> None:
        assert own.with_options(**options) == expected

    @pytest.mark.parametrize(
        "options",
        [
            {"frame_stride": 0},
            {"max_frames": 0},
            {"frame_stride": -1},
            {"every_s": 0},
            {"frame_stride": 2, "keyframes": True},
            {"speed": 2},
        ],
    )
    def test_what_cannot_be_asked_for(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Sampling().with_options(**options)
