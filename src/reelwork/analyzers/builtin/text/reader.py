"""What reads the text in a part of a frame."""

from abc import ABC, abstractmethod

from reelwork.analyzers.builtin.text.lines import Line
from reelwork.analyzers.builtin.text.windows import Window
from reelwork.video.frame import Frame


class Reader(ABC):
    """An engine with its settings, loaded."""

    def begin(self) -> None:
        """Start a new video; a reader that remembers earlier frames forgets them here."""

    @abstractmethod
    def read(self, frame: Frame, window: Window) -> list[Line]:
        """Return the lines seen through the window, from top to bottom, then left to right, in its pixels.

        Lines that say nothing, or not surely enough for the settings, are left out.
        """
