"""The part of a frame that is read: all of it, or what surrounds the box another node found."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor

from reelwork.analyzers.analyzer import Json
from reelwork.video.frame import Frame

_MARGIN_PIXELS = 8
_MARGIN_SHARE = 0.1
# The detector works in steps of 32 pixels and finds nothing in pictures that round to none.
_SMALLEST_SIDE = 32


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels of the frame; ``right`` and ``bottom`` are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def whole(cls, frame: Frame) -> "Window":
        """Return the window that shows all of the frame."""
        return cls(0, 0, frame.width, frame.height)

    @classmethod
    def around(cls, corners: Iterable[tuple[float, float]]) -> "Window":
        """Return the smallest window that shows all these points."""
        xs, ys = zip(*corners, strict=True)
        return cls(floor(min(xs)), floor(min(ys)), ceil(max(xs)) + 1, ceil(max(ys)) + 1)

    @property
    def slices(self) -> tuple[slice, slice]:
        """What to index a picture with to get what the window shows: a view."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def size(self) -> int:
        """How many pixels the window shows."""
        return (self.right - self.left) * (self.bottom - self.top)

    def touches(self, other: "Window") -> bool:
        """Say whether the two overlap or lie side by side."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )

    def united(self, other: "Window") -> "Window":
        """Return the smallest window that shows both."""
        return Window(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def widened(self, sides: int, ends: int) -> "Window":
        """Return the window with margins left and right, and above and below, perhaps beyond the picture."""
        return Window(self.left - sides, self.top - ends, self.right + sides, self.bottom + ends)

    def within(self, width: int, height: int) -> "Window":
        """Return the part that lies in a picture of this size."""
        return Window(max(self.left, 0), max(self.top, 0), min(self.right, width), min(self.bottom, height))


@dataclass(frozen=True)
class Region:
    """The inside of a box, in pixels of the frame."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, box: Json, frame: Frame) -> "Region":
        """Return the inside of a box in fractions of the frame."""
        left, top = box["x"] * frame.width, box["y"] * frame.height
        return cls(left, top, left + box["w"] * frame.width, top + box["h"] * frame.height)

    def empty(self) -> bool:
        """Say whether nothing is inside."""
        return not (self.right > self.left and self.bottom > self.top)

    def holds(self, point: tuple[float, float]) -> bool:
        """Say whether the point is inside."""
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom

    def window(self, frame: Frame) -> Window:
        """Return the window to read: detectors miss text that touches the picture's edge."""
        margin = max(_MARGIN_PIXELS, _MARGIN_SHARE * min(self.right - self.left, self.bottom - self.top))
        left, right = _grown(self.left, self.right, margin, frame.width)
        top, bottom = _grown(self.top, self.bottom, margin, frame.height)
        return Window(left, top, right, bottom)


def boxes_of(name: str, output: Json) -> list[Json]:
    """Return the boxes of the items that the node of this name answered for a frame.

    Raises:
        ValueError: It answered something else; the message says so.
    """
    if not isinstance(output, list) or not all(isinstance(item, dict) and "box" in item for item in output):
        raise ValueError(f"input {name!r} does not answer lists of items with a 'box', so there is nothing to read in")
    return [item["box"] for item in output]


def _grown(low: float, high: float, margin: float, limit: int) -> tuple[int, int]:
    """Widen the span by the margin, to the smallest side at least, within 0..limit."""
    margin = max(margin, (_SMALLEST_SIDE - (high - low)) / 2)
    return max(0, int(low - margin)), min(limit, int(high + margin) + 1)
