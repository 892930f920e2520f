"""Which frames are analysed."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork.pipeline.sampling import Sampling
from reelwork.video.frame import Frame
from tests.support.pipelines import steady_frames, timed_frames


def picked(sampling: Sampling, frames: Sequence[Frame]) -> list[int]:
    return [frame.index for frame in sampling.pick(frames)]


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
        found = [frame.time // Fraction(repr(every_s)) for frame in Sampling(every_s=every_s).pick(frames)]
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
        assert [frame.index for frame in sampling.pick(source)] == expected
        assert source.taken == taken

    def test_nothing_is_read_ahead(self) -> None:
        source = Source(50)
        picking = Sampling(frame_stride=10).pick(source)
        assert source.taken == 0
        assert next(picking).index == 0
        assert source.taken == 1
        assert next(picking).index == 10
        assert source.taken == 11


class TestOptions:
    @pytest.mark.parametrize(
        ("own", "options", "expected"),
        [
            (Sampling(), (None, None), Sampling()),
            (Sampling(every_s=0.5, max_frames=9), (None, None), Sampling(every_s=0.5, max_frames=9)),
            (Sampling(every_s=0.5, max_frames=9), (3, None), Sampling(frame_stride=3, max_frames=9)),
            (Sampling(every_s=0.5, max_frames=9), (None, 4), Sampling(every_s=0.5, max_frames=4)),
            (Sampling(every_s=0.5), (1, 20), Sampling(frame_stride=1, max_frames=20)),
            (Sampling(frame_stride=5), (None, 2), Sampling(frame_stride=5, max_frames=2)),
            (Sampling(frame_stride=5, max_frames=2), (7, 8), Sampling(frame_stride=7, max_frames=8)),
        ],
    )
    def test_what_a_job_asks_for_goes_first(
        self, own: Sampling, options: tuple[int | None, int | None], expected: Sampling
    ) -> None:
        assert own.with_options(*options) == expected

    @pytest.mark.parametrize("options", [(0, None), (None, 0), (-1, None), (None, -5)])
    def test_what_cannot_be_asked_for(self, options: tuple[int | None, int | None]) -> None:
        with pytest.raises(ValidationError):
            Sampling().with_options(*options)
