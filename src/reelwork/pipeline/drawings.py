"""What to draw of a frame's answers: whatever has a polygon or a box, with its text or label."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reelwork.video.pictures import Shape

_CAPTIONS = ("text", "label")


def shapes(result: Mapping[str, Any], nodes: Iterable[str]) -> list[Shape]:
    """Return what there is to draw of the answers of some nodes for one frame."""
    return [shape for group, node in enumerate(nodes) for shape in _found(result.get(node), group)]


def _found(answer: Any, group: int) -> Iterator[Shape]:
    """Look for places, however deep an analyzer of somebody's own has put them."""
    if isinstance(answer, list):
        for item in answer:
            yield from _found(item, group)
    elif isinstance(answer, dict):
        corners = _corners(answer)
        if corners:
            yield Shape(corners, _caption(answer), group)
        for inner in () if corners else answer.values():
            yield from _found(inner, group)


def _corners(item: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    match item:
        case {"polygon": [_, _, _, *_] as points} if all(map(_is_point, points)):
            return tuple((x, y) for x, y in points)
        case {"box": {"x": x, "y": y, "w": w, "h": h}} if all(map(_is_place, (x, y, w, h))):
            return ((x, y), (x + w, y), (x + w, y + h), (x, y + h))
    return ()


def _is_point(point: Any) -> bool:
    return isinstance(point, list) and len(point) == 2 and all(map(_is_place, point))


def _is_place(value: Any) -> bool:
    # Analyzers of somebody's own may answer anything; far outside there is nothing to be seen.
    return isinstance(value, int | float) and not isinstance(value, bool) and -10 <= value <= 10


def _caption(item: Mapping[str, Any]) -> str:
    said = next((str(item[name]) for name in _CAPTIONS if item.get(name)), "")
    confidence = item.get("confidence")
    return f"{said} {confidence:.2f}".strip() if isinstance(confidence, float) else said
