"""Boxes as every built-in analyzer writes them: normalised to the upright frame, origin top left."""

from typing import TypedDict

DECIMALS = 6
"""Digits kept of coordinates and confidences: far below a pixel, and stable across machines."""


class Box(TypedDict):
    """A rectangle in fractions of the upright frame's width and height, each 0..1."""

    x: float
    y: float
    w: float
    h: float


def clamp(value: float) -> float:
    """Limit a normalised coordinate or a confidence to 0..1 and round it."""
    return round(min(max(float(value), 0.0), 1.0), DECIMALS)


def box_from_corners(left: float, top: float, right: float, bottom: float, width: int, height: int) -> Box:
    """Make a box from pixel corners of a ``width`` x ``height`` picture; parts outside are cut off."""
    x, y = clamp(left / width), clamp(top / height)
    return Box(x=x, y=y, w=round(clamp(right / width) - x, DECIMALS), h=round(clamp(bottom / height) - y, DECIMALS))


def polygon(points: list[tuple[float, float]], width: int, height: int) -> list[list[float]]:
    """Normalise pixel points ``(x, y)`` to ``[[x, y], ...]`` in 0..1."""
    return [[clamp(x / width), clamp(y / height)] for x, y in points]
