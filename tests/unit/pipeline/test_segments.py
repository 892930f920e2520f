"""Divide a video at key frames, and put the answers of its parts together."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.pipeline.segments import Segment, SegmentFailed, SegmentRequest, merge, plan, write_answers
from reelwork.video.frame import Moment
from reelwork.video.source import Outline

examples = settings(max_examples=60, deadline=None)


@st.composite
def outlines(draw: st.DrawFn) -> Outline:
    frames = draw(st.integers(0, 60))
    numbers = st.sets(st.integers(0, max(frames - 1, 0)), max_size=frames)
    key_frames, picked = ((sorted(draw(numbers)) if frames else []) for _ in range(2))
    if draw(st.booleans()):
        picked = list(range(frames))
    return Outline(frames, key_frames, picked)


SEGMENTS = st.integers(1, 8)
LEAST = st.integers(0, 12)


class TestPlan:
    @examples
    @given(outlines(), SEGMENTS, LEAST)
    def test_every_picked_frame_is_in_one_part(self, outline: Outline, segments: int, least: int) -> None:
        parts = plan(outline, segments, least)
        held = [frame for part in parts for frame in outline.picked if part.start_frame <= frame < part.end_frame]
        assert held == list(outline.picked)

    @examples
    @given(outlines(), SEGMENTS, LEAST)
    def test_each_knows_how_many_it_has_and_has_some(self, outline: Outline, segments: int, least: int) -> None:
        for part in plan(outline, segments, least):
            assert part.picked == sum(part.start_frame <= frame < part.end_frame for frame in outline.picked) > 0

    @examples
    @given(outlines(), SEGMENTS, LEAST)
    def test_they_follow_each_other_and_begin_at_key_frames(self, outline: Outline, segments: int, least: int) -> None:
        parts = plan(outline, segments, least)
        assert all(one.end_frame <= other.start_frame for one, other in pairwise(parts))
        for part in parts:
            assert 0 <= part.start_frame < part.end_frame <= outline.frames
            assert part.start_frame in {0, *outline.key_frames}

    @examples
    @given(outlines(), SEGMENTS, LEAST)
    def test_there_are_no_more_than_asked_for(self, outline: Outline, segments: int, least: int) -> None:
        parts = plan(outline, segments, least)
        assert len(parts) <= segments
        if least:
            assert len(parts) <= max(1, len(outline.picked) // least)

    @examples
    @given(st.integers(1, 400), SEGMENTS, st.integers(1, 50))
    def test_they_are_as_long_as_each_other_where_key_frames_allow_it(
        self, frames: int, segments: int, least: int
    ) -> None:
        parts = plan(Outline(frames, range(frames), range(frames)), segments, least)
        lengths = [part.picked for part in parts]
        assert len(parts) == max(1, min(segments, frames // least))
        assert max(lengths) - min(lengths) <= 1
        assert min(lengths) >= min(least, frames)

    @examples
    @given(outlines(), SEGMENTS, LEAST)
    def test_cuts_are_at_the_nearest_key_frames(self, outline: Outline, segments: int, least: int) -> None:
        parts = plan(outline, segments, least)
        wanted = min(segments, len(outline.picked) // max(least, 1))
        ideal = [outline.picked[len(outline.picked) * n // wanted] for n in range(1, wanted)]
        keys = outline.key_frames
        for part in parts[1:]:
            # One of them is nowhere nearer to another key frame.
            assert any(
                all(abs(part.start_frame - frame) <= abs(key - frame) for key in keys) for frame in ideal
            ) or part.start_frame == min((key for key in keys if key), default=0)

    @pytest.mark.parametrize(
        ("outline", "parts"),
        [
            (Outline(100, range(0, 100, 10), range(100)), [(0, 20, 20), (20, 50, 30), (50, 70, 20), (70, 100, 30)]),
            (Outline(100, [0, 48], range(100)), [(0, 48, 48), (48, 100, 52)]),
            (Outline(100, [0], range(100)), [(0, 100, 100)]),
            (Outline(100, [], range(100)), [(0, 100, 100)]),
            (Outline(100, [0, 50], range(60, 100)), [(50, 100, 40)]),
            (Outline(100, [0, 50], range(14)), [(0, 100, 14)]),
            (Outline(100, [0, 50], []), []),
            (Outline(0, [], []), []),
        ],
    )
    def test_by_example(self, outline: Outline, parts: list[tuple[int, int, int]]) -> None:
        assert plan(outline, 4, 10) == [Segment(*part) for part in parts]


def moment(index: int) -> Moment:
    return Moment(index, Fraction(index, 25))


class TestMerge:
    SEGMENTS = (Segment(0, 10, 3), Segment(10, 20, 2))

    def requests(self, tmp_path: Path, *frames: Sequence[int]) -> list[SegmentRequest]:
        """Write the answers of two segments, for these frames."""
        made = []
        for number, (segment, indices) in enumerate(zip(self.SEGMENTS, frames, strict=True)):
            path = tmp_path / str(number)
            with path.open("wb") as stream:
                assert write_answers(stream, [(moment(n), {"a": [n]}) for n in indices]) == len(indices)
            made.append(SegmentRequest(tmp_path / "clip.mp4", {}, {}, segment, path))
        return made

    def test_answers_come_in_order_and_the_files_go(self, tmp_path: Path) -> None:
        answers = list(merge(self.requests(tmp_path, [0, 4, 8], [12, 16])))
        assert answers == [(moment(n), {"a": [n]}) for n in (0, 4, 8, 12, 16)]
        assert list(tmp_path.iterdir()) == []

    def test_a_file_goes_as_soon_as_it_is_read(self, tmp_path: Path) -> None:
        merging = merge(self.requests(tmp_path, [0, 4, 8], [12, 16]))
        for _ in range(4):
            next(merging)
        assert [path.name for path in tmp_path.iterdir()] == ["1"]

    @pytest.mark.parametrize(
        ("frames", "message"),
        [
            (([0, 4], [12, 16]), r"2 frames came out of Segment\(start_frame=0, "),
            (([0, 4, 8, 9], [12, 16]), r"4 frames came out of Segment\(start_frame=0, "),
            (([0, 4, 8], []), r"0 frames came out of Segment\(start_frame=10, "),
            (([0, 4, 10], [12, 16]), r"frame 10 is out of place in Segment\(start_frame=0, "),
            (([0, 4, 8], [9, 12]), r"frame 9 is out of place in Segment\(start_frame=10, "),
            (([0, 4, 4], [12, 16]), r"frame 4 is out of place in Segment\(start_frame=0, "),
            (([0, 4, 8], [16, 12]), r"frame 12 is out of place in Segment\(start_frame=10, "),
            (([0, 4, 8], [12, 20]), r"frame 20 is out of place in Segment\(start_frame=10, "),
        ],
    )
    def test_other_frames_than_planned(self, tmp_path: Path, frames: Any, message: str) -> None:
        with pytest.raises(SegmentFailed, match=message):
            list(merge(self.requests(tmp_path, *frames)))
