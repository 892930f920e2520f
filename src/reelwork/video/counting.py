"""Count the frames of a video, and those of them that are wanted, without decoding."""

from dataclasses import dataclass
from pathlib import Path

from reelwork.video.decoding import DecodingUnsure
from reelwork.video.frame import Moment
from reelwork.video.packets import Chooser
from reelwork.video.source import DecodeLimits, VideoFile


@dataclass(frozen=True)
class FrameCount:
    """How many frames a video presents, and how many of them are wanted."""

    frames: int
    wanted: int


def count(path: Path, limits: DecodeLimits, chooser: Chooser) -> FrameCount | None:
    """Count; None when only decoding can tell.

    Raises:
        VideoUnreadable: The file cannot be opened.
    """
    with VideoFile.open(path, limits) as video:
        try:
            outline = video.outline(_ToTheEnd(chooser))
        except DecodingUnsure:
            return None
    return FrameCount(outline.frames, len(outline.picked))


class _ToTheEnd:
    """Another chooser's choice, asked for up to the end of the video also when nothing more is wanted."""

    takes_all = False
    over = False

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say whether this frame is wanted."""
        return not self._chooser.over and self._chooser.wants(moment, is_key)
