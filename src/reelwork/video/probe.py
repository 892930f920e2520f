"""Answer whether a file is an MP4 of which at least one frame can be decoded."""

from dataclasses import replace
from pathlib import Path

from reelwork.errors import DecodingStopped, VideoUnreadable
from reelwork.video.frame import Frame
from reelwork.video.source import DecodeLimits, VideoFacts, VideoFile

_DAMAGED = "No frame of the video can be decoded: the file is damaged or truncated. Send the whole file."


def probe(path: Path, limits: DecodeLimits) -> VideoFacts:
    """Open the file and decode its first frame.

    Raises:
        VideoUnreadable: Nothing of it can be decoded; the message says why and what to do.
    """
    with VideoFile.open(path, limits, careful=True) as video:
        _require_short_enough(video.facts.duration_s, limits.max_duration_s)
        first = video.first_frame()
        if first is not None:
            return _facts(video, first)
    with VideoFile.open(path, limits, careful=True) as video:
        try:
            first = next(video.frames(), None)
        except DecodingStopped as error:
            raise VideoUnreadable(_DAMAGED) from error
        if first is None:
            raise VideoUnreadable(_DAMAGED if video.facts.expected_frames else "The video track holds no frames.")
        return _facts(video, first)


def _facts(video: VideoFile, first: Frame) -> VideoFacts:
    size = (video.facts.width, video.facts.height)
    turned = (first.width, first.height) == size[::-1] != size
    return replace(video.facts, turned=turned, ends_early=video.ends_early())


def _require_short_enough(duration_s: float | None, limit_s: float) -> None:
    if limit_s and duration_s is not None and duration_s > limit_s:
        raise VideoUnreadable(
            f"The video is {duration_s:.1f} s long, more than the {limit_s:g} s this service takes. Send a part of it."
        )
