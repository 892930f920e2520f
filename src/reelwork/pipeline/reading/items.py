"""What an item of an answer says of itself, whatever analyzer made it: readers go by shapes and know no analyzer."""

from collections.abc import Iterable, Iterator
from typing import Any

ERROR = "error"
"""The one member of the answer of a node that failed on a frame."""


def is_failure(answer: Any) -> bool:
    """Tell whether a node failed on the frame instead of answering."""
    return isinstance(answer, dict) and answer.keys() == {ERROR}


def words(item: Any, members: Iterable[str]) -> Iterator[str]:
    """Yield those of an item's members that are text; an item that is text itself is its own."""
    if isinstance(item, str):
        yield item
    elif isinstance(item, dict):
        for member in members:
            value = item.get(member)
            if isinstance(value, str):
                yield value


def number(value: Any) -> float | None:
    """Return a value that is a number; None for any other."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def confidence(item: Any) -> float | None:
    """Return how confident an item is, if it says so."""
    return number(item.get("confidence")) if isinstance(item, dict) else None


def box(item: Any) -> tuple[float, float, float, float] | None:
    """Return x, y, w and h of an item's box, if it has one."""
    found = item.get("box") if isinstance(item, dict) else None
    if not isinstance(found, dict):
        return None
    x, y, w, h = (number(found.get(side)) for side in "xywh")
    return None if x is None or y is None or w is None or h is None else (x, y, w, h)
