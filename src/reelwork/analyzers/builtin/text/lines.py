"""Lines of text as an engine reads them, in pixels, and as the analyzer answers them."""

from dataclasses import dataclass
from math import isfinite

from reelwork.analyzers.analyzer import Json
from reelwork.analyzers.boxes import box_from_corners, clamp, polygon
from reelwork.video.frame import Frame


@dataclass(frozen=True)
class Line:
    """One line of text.

    Attributes:
        text: What it says.
        confidence: How sure the engine is, 0 to 1.
        corners: Four points ``(x, y)`` in pixels, clockwise from the top left of the text.
    """

    text: str
    confidence: float
    corners: tuple[tuple[float, float], ...]

    def centre(self) -> tuple[float, float]:
        """Return the middle of the corners."""
        xs, ys = zip(*self.corners, strict=True)
        return sum(xs) / len(xs), sum(ys) / len(ys)

    def moved(self, right: int, down: int) -> "Line":
        """Return the line elsewhere."""
        return Line(self.text, self.confidence, tuple((x + right, y + down) for x, y in self.corners))

    def worth(self, min_confidence: float) -> bool:
        """Say whether the line is to be answered: it says something, surely enough, somewhere."""
        return (
            bool(self.text.strip())
            and isfinite(self.confidence)
            and self.confidence >= min_confidence
            and all(map(isfinite, self.centre()))
        )

    def item(self, frame: Frame) -> dict[str, Json]:
        """Return the answer for the line; its corners are pixels of the frame."""
        xs, ys = zip(*self.corners, strict=True)
        return {
            "text": self.text,
            "confidence": clamp(self.confidence),
            "box": box_from_corners(min(xs), min(ys), max(xs), max(ys), frame.width, frame.height),
            "polygon": polygon(list(self.corners), frame.width, frame.height),
        }
