"""Split one video into segments that can be worked on apart, and put their answers together again.

The plan is plain data, and a segment's work is a request and a file of answers: who runs them, and where, is
another's business.
"""

import pickle
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from reelwork.pipeline.steps import Answers
from reelwork.video.frame import Moment
from reelwork.video.source import Outline


@dataclass(frozen=True)
class Segment:
    """Frames from ``start_frame`` up to ``end_frame``, which is not in it; it begins at a key frame.

    Attributes:
        picked: How many of them are to be analysed.
    """

    start_frame: int
    end_frame: int
    picked: int


@dataclass(frozen=True)
class SegmentRequest:
    """What whoever runs a segment needs; the answers go to ``answers_path``."""

    video_path: Path
    pipeline_definition: dict[str, Any]
    sampling: dict[str, Any]
    segment: Segment
    answers_path: Path


class SegmentFailed(Exception):
    """A segment did not come out as planned: work on the video as a whole."""


class SegmentExecutor(Protocol):
    """Runs segments, several at once."""

    @property
    def segments(self) -> int:
        """Into how many segments a video is best split."""

    def run(self, requests: Sequence[SegmentRequest]) -> Generator[SegmentRequest, None, None]:
        """Yield each request, in order, once its answers are there; closing this ends what is still running.

        Raises:
            SegmentFailed: One of them could not be run.
        """


def plan(outline: Outline, segments: int, least: int) -> list[Segment]:
    """Cut a video at key frames into parts with about as many picked frames each.

    Args:
        outline: The video.
        segments: How many parts there should be; there are fewer if it has not enough key frames.
        least: A part should have so many picked frames at least.
    """
    wanted = min(segments, len(outline.picked) // max(least, 1))
    ideal = [outline.picked[len(outline.picked) * part // wanted] for part in range(1, wanted)] if wanted > 1 else []
    cuts = sorted({_nearest(outline.key_frames, frame) for frame in ideal} - {0})
    bounds = [0, *cuts, outline.frames]
    parts = [_segment(outline, start, end) for start, end in pairwise(bounds)]
    return [part for part in parts if part.picked]


def write_answers(stream: BinaryIO, answered: Iterable[tuple[Moment, Answers]]) -> int:
    """Write the answers of a segment as they come; return for how many frames."""
    count = 0
    for moment, answers in answered:
        pickle.dump((moment, answers), stream, pickle.HIGHEST_PROTOCOL)
        count += 1
    return count


def merge(finished: Iterable[SegmentRequest]) -> Iterator[tuple[Moment, Answers]]:
    """Read the answers of all segments, in order.

    Raises:
        SegmentFailed: A segment does not hold the frames that were planned.
    """
    for request in finished:
        count, segment = 0, request.segment
        earliest = segment.start_frame
        for moment, answers in _read_answers(request.answers_path):
            if not earliest <= moment.index < segment.end_frame:
                raise SegmentFailed(f"frame {moment.index} is out of place in {segment}")
            yield moment, answers
            count, earliest = count + 1, moment.index + 1
        if count != segment.picked:
            raise SegmentFailed(f"{count} frames came out of {segment}")
        request.answers_path.unlink()


def _read_answers(path: Path) -> Iterator[tuple[Moment, Answers]]:
    with path.open("rb") as stream:
        while stream.peek(1):
            yield pickle.load(stream)  # noqa: S301 - written by a process of our own a moment ago


def _nearest(key_frames: Sequence[int], frame: int) -> int:
    after = bisect_left(key_frames, frame)
    around = key_frames[max(after - 1, 0) : after + 1]
    return min(around, key=lambda key: abs(key - frame), default=0)


def _segment(outline: Outline, start: int, end: int) -> Segment:
    picked = bisect_left(outline.picked, end) - bisect_left(outline.picked, start)
    return Segment(start, end, picked)
