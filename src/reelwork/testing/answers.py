"""What may stand in an answer."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from reelwork.testing.breaches import Breach, Rule

_SLACK = 1e-5
"""Coordinates are rounded, so that the far side of a box may stand a little outside."""


def comparable(answer: Any) -> str:
    """Return text that is equal for equal answers, whatever they consist of."""
    try:
        return json.dumps(answer, default=_stand_in, skipkeys=True)
    except (ValueError, RecursionError) as error:
        return f"{type(answer).__name__} that holds itself: {error}"


def _stand_in(value: Any) -> str:
    if hasattr(value, "tolist"):  # of numpy
        return f"{type(value).__name__} {value.tolist()}"
    return type(value).__name__


def answer_breaches(answer: Any) -> Iterator[Breach]:
    """Find what JSON cannot say, and values outside their range."""
    try:
        yield from _breaches(answer, "the answer")
    except RecursionError:
        yield Breach(Rule.ANSWERS_ARE_JSON, "the answer holds itself, or is nested too deeply")


def _breaches(value: Any, where: str) -> Iterator[Breach]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield Breach(Rule.ANSWERS_ARE_JSON, f"{where} has the key {key!r}, which is no str")
            yield from _range_breaches(key, item, f"{where}[{key!r}]")
            yield from _breaches(item, f"{where}[{key!r}]")
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _breaches(item, f"{where}[{number}]")
    elif what := _not_json(value):
        yield Breach(Rule.ANSWERS_ARE_JSON, f"{where} is {what}")


def _not_json(value: Any) -> str | None:
    """Say what is wrong with a value, its contents apart."""
    kind = type(value)
    if not isinstance(value, dict | list | str | int | float | None) or kind.__module__.split(".")[0] == "numpy":
        return f"of the type {kind.__module__}.{kind.__qualname__}"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str) and not _is_unicode(value):
        return f"{value!r}, which has half a character (a surrogate) in it"
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _range_breaches(key: Any, value: Any, where: str) -> Iterator[Breach]:
    what = None
    if key == "box":
        what = _box_out_of_range(value)
    elif key == "polygon":
        what = _polygon_out_of_range(value)
    elif key == "confidence" and not _is_share(value):
        what = "not a number in 0..1"
    if what:
        yield Breach(Rule.ANSWERS_ARE_IN_RANGE, f"{where} is {value!r}: {what}")


def _box_out_of_range(box: Any) -> str | None:
    if not isinstance(box, dict) or box.keys() != {"x", "y", "w", "h"}:
        return "not of the form {x, y, w, h}"
    if not all(map(_is_share, box.values())):
        return "not all of x, y, w and h are numbers in 0..1"
    if box["x"] + box["w"] > 1 + _SLACK or box["y"] + box["h"] > 1 + _SLACK:
        return "it reaches beyond the frame"
    return None


def _polygon_out_of_range(polygon: Any) -> str | None:
    if not isinstance(polygon, list) or not all(isinstance(point, list) and len(point) == 2 for point in polygon):
        return "not a list of [x, y]"
    if not all(_is_share(coordinate) for point in polygon for coordinate in point):
        return "not all coordinates are numbers in 0..1"
    return None


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
