"""Answer whether a file is an MP4 of which at least one frame can be decoded."""

from dataclasses import replace
from pathlib import Path

from reelwork.errors import DecodingStopped, VideoUnreadable
from reelwork.video.source import DecodeLimits, VideoFacts, VideoFile

_DAMAGED = "No frame of the video can be decoded: the file is damaged or truncated. Send the whole file."


def probe(path: Path, limits: DecodeLimits) -> VideoFacts:
    """Open the file and decode its first frame.

    Raises:
        VideoUnreadable: Nothing of it can be decoded; the message says why and what to do.
    """
    with VideoFile.open(path, limits, careful=True) as video:
        try:
            first = next(video.frames(), None)
        except DecodingStopped as error:
            raise VideoUnreadable(_DAMAGED) from error
        if first is None:
            raise VideoUnreadable(_DAMAGED if video.facts.expected_frames else "The video track holds no frames.")
        facts = video.facts
        size = (facts.width, facts.height)
        return replace(facts, turned=(first.width, first.height) == size[::-1] != size)
