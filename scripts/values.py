"""What values a field may have, in a few words, from its JSON Schema."""

from collections.abc import Callable, Mapping
from typing import Any


def values_of(shape: Mapping[str, Any]) -> str:
    """Say in a few words what values there may be."""
    if "$ref" in shape:
        return f"{shape['$ref'].rpartition('/')[2].lower()}, see below"
    if "anyOf" in shape:
        return " or ".join(values_of(one) for one in shape["anyOf"] if one.get("type") != "null")
    if "enum" in shape:
        return " or ".join(f"`{value}`" for value in shape["enum"])
    return _VALUES[shape["type"]](shape)


def _number(kind: str) -> Callable[[Mapping[str, Any]], str]:
    def said(shape: Mapping[str, Any]) -> str:
        low, above, high = (shape.get(name) for name in ("minimum", "exclusiveMinimum", "maximum"))
        bounds = [f"from {low:.16g}"] if low is not None else [f"above {above:.16g}"] if above is not None else []
        bounds += [f"to {high:.16g}"] if high is not None else []
        return " ".join([kind, *bounds])

    return said


_VALUES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "string": lambda shape: "text",
    "boolean": lambda shape: "`true` or `false`",
    "integer": _number("whole number"),
    "number": _number("number"),
    "array": lambda shape: f"list of {values_of(shape['items'])}",
    "object": lambda shape: "by name",
}
