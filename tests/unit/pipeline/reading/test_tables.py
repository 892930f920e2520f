"""CSV, read back by the standard library's reader."""

import csv
import io
import json
import re
from typing import Any

import pytest
from hypothesis import given

from reelwork.pipeline.reading.tables import COLUMNS, guarded, table
from tests.support.answers import documents, examples, texts

HEADER = ",".join(COLUMNS) + "\r\n"


def read(entries: list[dict[str, Any]]) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO("".join(table(entries)), newline=""), strict=True)
    return list(rows)


def unguarded(text: str) -> str:
    """Take the guard away again, as the documentation says how."""
    return text[1:] if re.match(r"''*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", text) else text


def item_of(row: dict[str, str]) -> Any:
    """Make an item again from what stands in its row."""
    value = json.loads(row["value"]) if row["value"] else {}
    if not isinstance(value, dict):
        return value
    item = {name: unguarded(row[name]) for name in ("label", "text") if row[name]}
    if row["confidence"]:
        item["confidence"] = float(row["confidence"])
    if row["x"]:
        item["box"] = {side: float(row[side]) for side in "xywh"}
    if row["track_id"]:
        item["track_id"] = int(row["track_id"])
    return {**value, **item}


def as_told(item: Any) -> Any:
    """What a row can tell of an item: a text alone is the text of an item, and one without letters is not told."""
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if value != "" or name not in ("label", "text")}


@examples
@given(documents())
def test_every_item_has_a_row_that_tells_all_of_it(entries: list[dict[str, Any]]) -> None:
    rows = read(entries)
    expected = [
        (entry["frame_index"], entry["result"]["time_s"], node, as_told(item))
        for entry in entries
        for node, answer in entry["result"].items()
        if node != "time_s"
        for item in (answer if isinstance(answer, list) else [answer])
    ]
    assert [(int(row["frame_index"]), float(row["time_s"]), row["node"], item_of(row)) for row in rows] == expected


@examples
@given(documents())
def test_no_cell_is_a_formula(entries: list[dict[str, Any]]) -> None:
    for row in read(entries):
        for cell in row.values():
            assert not re.match(r"[=@\t\r]|[+-](?![\d.,]+(e[+-]?\d+)?\Z)", cell), cell


@examples
@given(texts)
def test_the_guard_can_be_taken_away(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "+1.5", "-1,000.5", "-.5", "-1E-5", "1-2", "a=b", "it's", "'quoted'", "007"]
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-A1", "- a point", "@x", "\t=1", "\n=1", "'=1", "\uff1d1", "-", "+1+1"]
)
def test_formulas_are_guarded(text: str) -> None:
    assert guarded(text) == "'" + text


def test_the_shape_to_the_letter() -> None:
    box = {"x": 0.1, "y": 0.2, "w": 0.3, "h": 0.4}
    entry = {
        "frame_index": 5,
        "result": {
            "time_s": 0.2,
            "text": [{"text": 'a, "b"', "confidence": 0.9, "box": box, "polygon": [[0, 1]]}],
            "objects": [{"label": "car", "confidence": 1.0, "box": box, "track_id": 3}],
            "none": [],
            "shots": {"shot": 1, "cut": False},
            "broken": {"error": "dark"},
        },
    }
    assert "".join(table([entry])) == HEADER + (
        '5,0.2,text,,"a, ""b""",0.9,0.1,0.2,0.3,0.4,,"{""polygon"":[[0,1]]}"\r\n'
        "5,0.2,objects,car,,1.0,0.1,0.2,0.3,0.4,3,\r\n"
        '5,0.2,shots,,,,,,,,,"{""shot"":1,""cut"":false}"\r\n'
        '5,0.2,broken,,,,,,,,,"{""error"":""dark""}"\r\n'
    )


def test_without_entries_there_are_the_names() -> None:
    assert "".join(table([])) == HEADER
