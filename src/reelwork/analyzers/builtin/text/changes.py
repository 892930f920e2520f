"""What has changed visibly between two pictures, and what must be read again for it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reelwork.analyzers.builtin.text.windows import Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwork.video.frame import Image

VISIBLE = 20
"""Mean difference in brightness (of 255) over ``_SPOT`` x ``_SPOT`` pixels that counts as visible.

Lossy coding of a picture that stands still stays below; another character of readable size is above.
"""

_FAINT_SHARE = 0.3
_FAINTEST = 4
_SPOT = 4
_BLOCK = 16


def visible_differences(picture: "Image", lines: Iterable[Window]) -> "Image":
    """Return for each pixel of a brightness plane what difference is visible there.

    It is ``VISIBLE``, but less where faint lines stand: text that fades out can be read until little of it is left,
    and would stay for ever if the rest went unseen.
    """
    import numpy as np

    height, width = picture.shape
    visible = np.full(picture.shape, VISIBLE, np.uint8)
    for line in lines:
        place = line.within(width, height).slices
        contrast = int(np.ptp(picture[place]))
        visible[place] = np.minimum(visible[place], max(_FAINTEST, int(contrast * _FAINT_SHARE)))
    return visible


def changed_areas(before: "Image", now: "Image", visible: "Image") -> list[Window]:
    """Return windows around the differences between two brightness planes of one size that are visible."""
    import cv2
    import numpy as np

    spots = cv2.blur(cv2.absdiff(before, now), (_SPOT, _SPOT)) > visible
    if not spots.any():
        return []
    _, _, statistics, _ = cv2.connectedComponentsWithStats(_blocks(spots).astype(np.uint8), connectivity=8)
    height, width = now.shape
    return [_in_pixels(*(int(value) for value in row[:4])).within(width, height) for row in statistics[1:]]


def areas_to_read(changed: Iterable[Window], lines: Sequence[Window]) -> list[Window]:
    """Grow changed areas to the whole of every line they touch, and unite those that touch each other."""
    areas = list(changed)
    while True:
        grown = _united([_with_lines(area, lines) for area in areas])
        if grown == areas:
            return areas
        areas = grown


def _blocks(spots: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Say for each block of the picture whether there is a spot in it."""
    import numpy as np

    height, width = spots.shape
    whole = np.pad(spots, ((0, -height % _BLOCK), (0, -width % _BLOCK)))
    return np.asarray(whole.reshape(whole.shape[0] // _BLOCK, _BLOCK, -1, _BLOCK).any(axis=(1, 3)))


def _in_pixels(left: int, top: int, columns: int, rows: int) -> Window:
    return Window(left * _BLOCK, top * _BLOCK, (left + columns) * _BLOCK, (top + rows) * _BLOCK)


def _with_lines(area: Window, lines: Sequence[Window]) -> Window:
    for line in lines:
        # A word that appears beside a line may become part of it.
        if area.touches(line.widened((line.bottom - line.top) // 2, 0)):
            area = area.united(line)
    return area


def _united(areas: list[Window]) -> list[Window]:
    apart: list[Window] = []
    for area in areas:
        for other in [other for other in apart if other.touches(area)]:
            apart.remove(other)
            area = area.united(other)
        apart.append(area)
    return apart
