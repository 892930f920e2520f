"""What Reelwork presents of a file, in the rows of the reference."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reelwork.pipeline.sampling import Sampling
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.frame import Frame
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.reference import Row, digest


@dataclass(frozen=True)
class Presented:
    """The frames that were picked, and whether the quick way to decode was given up for the careful one."""

    rows: list[Row]
    was_careful: bool


def presented(path: Path, sampling: Sampling | None = None, threads: int = 1) -> Presented:
    """Decode what a sampling picks (default: everything), as an analysis does: carefully if in doubt."""
    sampling = sampling or Sampling()
    limits = DecodeLimits(threads=threads)
    try:
        with VideoFile.open(path, limits) as video:
            return Presented(_rows(video.frames(sampling.chooser())), was_careful=False)
    except DecodingUnsure:
        with VideoFile.open(path, limits, careful=True) as video:
            return Presented(_rows(video.frames(sampling.chooser())), was_careful=True)


def _rows(frames: Iterable[Frame]) -> list[Row]:
    return [Row(frame.index, frame.time, digest(frame.luma()), digest(frame.bgr())) for frame in frames]
