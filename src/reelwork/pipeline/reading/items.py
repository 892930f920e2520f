"""What an item of an answer says of itself, whatever analyzer made it: readers go by shapes and know no analyzer."""

from collections.abc import Iterable, Iterator
from typing import Any

ERROR = "error"
"""The one member of the answer of a node that failed on a frame."""

_NUMBERS = {int, float}  # and not bool, which is an int too


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


def confidence(item: Any) -> float | None:
    """Return how confident an item is, if it says so."""
    sure = item.get("confidence") if isinstance(item, dict) else None
    return sure if type(sure) in _NUMBERS else None


def box(item: Any) -> tuple[float, float, float, float] | None:
    """Return x, y, w and h of an item's box, if it has one."""
    found = item.get("box") if isinstance(item, dict) else None
    if not isinstance(found, dict):
        return None
    sides: Any = (found.get("x"), found.get("y"), found.get("w"), found.get("h"))
    return sides if _NUMBERS.issuperset(map(type, sides)) else None
