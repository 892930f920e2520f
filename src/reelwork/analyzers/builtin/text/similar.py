"""Reading only what has changed visibly since it was read."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reelwork.analyzers.builtin.text.changes import areas_to_read, changed_areas, visible_differences
from reelwork.analyzers.builtin.text.crops import Reading
from reelwork.analyzers.builtin.text.finding import STEP
from reelwork.analyzers.builtin.text.lines import Line
from reelwork.analyzers.builtin.text.paddle import PaddleReader, Page
from reelwork.analyzers.builtin.text.reader import Reader
from reelwork.analyzers.builtin.text.windows import Window
from reelwork.video.frame import Frame

if TYPE_CHECKING:
    from reelwork.analyzers.builtin.text.finding import Heat
    from reelwork.video.frame import Image

    Box = tuple[tuple[float, float], ...]

KEPT_WINDOWS = 32
"""Parts of the frame whose latest reading is kept; those not read for longest are given up."""

_WORTHWHILE_SHARE = 0.3
# In pixels of the reduced picture: how far around a change the heat of text may differ, and how much of the
# surroundings the detector must see to judge that.
_AFTERGLOW = 8
_SURROUNDINGS = 32


@dataclass(eq=False)
class _Memory:
    """What was read through one window.

    Attributes:
        seen: Brightness of what each pixel's reading was taken from.
        visible: What difference from that is visible.
        heat: Where the detector saw text in it.
        readings: What stands in each box.
        lines: The answer.
    """

    seen: "Image"
    visible: "Image"
    heat: "Heat"
    readings: "dict[Box, Reading]"
    lines: list[Line]


class SimilarReader(Reader):
    """Reads frames in presentation order; what still looks the same keeps its reading.

    Pictures are compared with those that their parts were read from, not with the latest ones, so that slow changes
    add up and are seen. Where something changed, text is looked for again, whole lines at a time; lines whose box
    comes out new are read again.
    """

    def __init__(self, reader: PaddleReader) -> None:
        self._reader = reader
        self._memories: OrderedDict[Window, _Memory] = OrderedDict()

    def begin(self) -> None:
        """Forget the video before."""
        self._memories.clear()

    def read(self, frame: Frame, window: Window) -> list[Line]:
        """Read what has changed since this window was last read."""
        import numpy as np

        now = np.ascontiguousarray(frame.luma()[window.slices])
        memory = self._memories.pop(window, None)
        if memory is None:
            memory = self._read_anew(self._reader.page(frame, window), now)
        elif changed := changed_areas(memory.seen, now, memory.visible):
            memory = self._read_changed(self._reader.page(frame, window), now, memory, changed)
        if memory is None:
            return []
        self._remember(window, memory)
        return memory.lines

    def _remember(self, window: Window, memory: _Memory) -> None:
        self._memories[window] = memory
        if len(self._memories) > KEPT_WINDOWS:
            self._memories.popitem(last=False)

    def _read_anew(self, page: Page, now: "Image") -> _Memory | None:
        reduced = self._reader.finder.reduced(page.picture)
        if reduced is None:
            return None
        return self._read_hot(page, now.copy(), self._reader.finder.heat(reduced), {})

    def _read_changed(self, page: Page, now: "Image", memory: _Memory, changed: list[Window]) -> _Memory | None:
        areas = areas_to_read(changed, [Window.around(box) for box in memory.readings])
        if not page.as_given() or sum(area.size for area in areas) > _WORTHWHILE_SHARE * now.size:
            return self._read_anew(page, now)
        reduced = self._reader.finder.reduced(page.picture)
        if reduced is None:
            return None
        for area in areas:
            self._look_again(reduced, memory.heat, area, now.shape)
            memory.seen[area.slices] = now[area.slices]
        return self._read_hot(page, memory.seen, memory.heat, _untouched(memory.readings, areas))

    def _look_again(self, reduced: "Image", heat: "Heat", area: Window, shape: tuple[int, ...]) -> None:
        """Make the heat of the area anew."""
        height, width = heat.shape
        inner = _scaled(area, width / shape[1], height / shape[0]).widened(_AFTERGLOW, _AFTERGLOW).within(width, height)
        outer = _in_steps(inner.widened(_SURROUNDINGS, _SURROUNDINGS)).within(width, height)
        fresh = self._reader.finder.heat(reduced[outer.slices])
        heat[inner.slices] = fresh[_seen_from(outer, inner).slices]

    def _read_hot(self, page: Page, seen: "Image", heat: "Heat", kept: "dict[Box, Reading]") -> _Memory:
        """Read the boxes that the heat shows, but for those whose readings are kept."""
        height, width = page.picture.shape[:2]
        boxes = self._reader.finder.boxes(heat, width, height)
        keys = [tuple((float(x), float(y)) for x, y in box) for box in boxes]
        new = [number for number, key in enumerate(keys) if key not in kept]
        fresh = self._reader.readings(page, boxes[new]) if new else []
        readings = kept | {keys[number]: reading for number, reading in zip(new, fresh, strict=True)}
        lines = self._reader.lines(page, boxes, [readings[key] for key in keys])
        places = [Window.around(key) for key in keys] if page.as_given() else []
        memory = {key: readings[key] for key in keys}
        return _Memory(seen, visible_differences(seen, places), heat, memory, lines)


def _untouched(readings: "dict[Box, Reading]", areas: Sequence[Window]) -> "dict[Box, Reading]":
    return {
        box: reading for box, reading in readings.items() if not any(area.touches(Window.around(box)) for area in areas)
    }


def _scaled(window: Window, across: float, down: float) -> Window:
    corners = ((window.left * across, window.top * down), (window.right * across, window.bottom * down))
    return Window.around(corners)


def _in_steps(window: Window) -> Window:
    """Widen to whole steps of the detector."""
    return Window(
        window.left // STEP * STEP,
        window.top // STEP * STEP,
        -(-window.right // STEP) * STEP,
        -(-window.bottom // STEP) * STEP,
    )


def _seen_from(outer: Window, inner: Window) -> Window:
    return Window(inner.left - outer.left, inner.top - outer.top, inner.right - outer.left, inner.bottom - outer.top)
