"""Results as a table: CSV as RFC 4180 says, one row for each item."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from reelwork.pipeline.definition import TIME
from reelwork.pipeline.intervals import Entry
from reelwork.pipeline.reading.items import box, confidence

COLUMNS = (
    "frame_index", "time_s", "node", "label", "text", "confidence", "x", "y", "w", "h", "track_id", "value",
)  # fmt: skip
"""The columns; ``value`` holds in JSON whatever has no column of its own."""

# What a spreadsheet takes for the beginning of a formula, also behind the apostrophes that guard against it.
_FORMULA = re.compile(
    r"'*[=+\-@\t\r\n"
    r"\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)*|[.,]\d+)(e[-+]?\d+)?", re.IGNORECASE)


def table(entries: Iterable[Entry]) -> Iterator[str]:
    """Write the rows of each entry; a line of names goes before."""
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    yield lines.taken()
    for entry in entries:
        for node, answer in entry["result"].items():
            if node != TIME:
                for item in answer if isinstance(answer, list) else [answer]:
                    writer.writerow([entry["frame_index"], entry["result"][TIME], node, *_cells(item)])
        yield lines.taken()


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    An apostrophe goes before one that begins with ``=``, ``+``, ``-``, ``@``, a tab or the end of a line (or with
    apostrophes and then one of these, so that one apostrophe can be taken away again without a doubt). A number
    stays as it is, signs and all.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _cells(item: Any) -> list[Any]:
    """Return the cells of an item from ``label`` on."""
    if isinstance(item, str):
        return ["", guarded(item), *[""] * 7]
    if not isinstance(item, dict):
        return [*[""] * 8, _json(item)]
    rest = dict(item)
    label, text = (guarded(rest.pop(name)) if isinstance(item.get(name), str) else "" for name in ("label", "text"))
    sure = "" if confidence(item) is None else rest.pop("confidence")
    sides = box(item)
    if sides is not None and rest["box"].keys() == set("xywh"):
        del rest["box"]
    track = rest.pop("track_id") if type(item.get("track_id")) is int else ""
    return [label, text, sure, *(sides or [""] * 4), track, _json(rest) if rest or not item else ""]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


class _Lines:
    """Where the CSV writer writes to: what has come since the last time."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        self._lines.append(line)

    def taken(self) -> str:
        lines = "".join(self._lines)
        self._lines.clear()
        return lines
