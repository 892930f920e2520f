"""What filters leave of results, against a plain model."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.pipeline.reading.filters import Filters
from tests.support.answers import NODES, documents, examples, names, reading, shares, stored, texts

filters = st.builds(
    Filters,
    start_s=st.none() | st.integers(-10, 40).map(lambda ticks: ticks / 8),
    end_s=st.none() | st.integers(-10, 60).map(lambda ticks: ticks / 8),
    nodes=st.frozensets(st.sampled_from(NODES), max_size=2),
    labels=st.frozensets(names, max_size=2),
    q=st.just("") | texts | st.sampled_from("aeß"),
    min_confidence=st.none() | shares,
    nonempty=st.booleans(),
)


def model(entries: list[dict[str, Any]], wanted: Filters) -> list[dict[str, Any]]:
    """Filter as the documentation says it."""
    left = []
    for entry in entries:
        time_s = entry["result"]["time_s"]
        if wanted.start_s is not None and time_s < wanted.start_s:
            continue
        if wanted.end_s is not None and time_s >= wanted.end_s:
            continue
        answers = {node: answer for node, answer in entry["result"].items() if node != "time_s"}
        if wanted.nodes:
            answers = {node: answer for node, answer in answers.items() if node in wanted.nodes}
        for node, answer in answers.items():
            if isinstance(answer, list):
                answers[node] = [item for item in answer if fits(item, wanted)]
        if wanted.nonempty and not holds_something(answers, wanted):
            continue
        left.append({"frame_index": entry["frame_index"], "result": {"time_s": time_s, **answers}})
    return left


def fits(item: Any, wanted: Filters) -> bool:
    if isinstance(item, str):
        item = {"text": item}
    members = item if isinstance(item, dict) else {}
    told = {name: members[name] for name in ("label", "text", "format") if isinstance(members.get(name), str)}
    sure = members.get("confidence")
    if wanted.min_confidence is not None and type(sure) in (int, float) and sure < wanted.min_confidence:
        return False
    if wanted.labels and not {text.casefold() for text in told.values()} & {x.casefold() for x in wanted.labels}:
        return False
    told.pop("format", None)
    return not wanted.q or any(wanted.q.casefold() in text.casefold() for text in told.values())


def holds_something(answers: dict[str, Any], wanted: Filters) -> bool:
    if any(isinstance(answer, list) and answer for answer in answers.values()):
        return True
    if any(isinstance(answer, list) for answer in answers.values()):
        return False
    if wanted.labels or wanted.q or wanted.min_confidence is not None:
        return False
    failed = [isinstance(answer, dict) and list(answer) == ["error"] for answer in answers.values()]
    return any(answer is not None and not bad for answer, bad in zip(answers.values(), failed, strict=True))


@examples
@given(documents(), filters)
def test_what_is_left(entries: list[dict[str, Any]], wanted: Filters) -> None:
    expected = model(entries, wanted)
    assert [json.loads(line) for line in reading(entries, wanted).lines()] == expected
    assert list(reading(entries, wanted).entries()) == expected


@examples
@given(documents())
def test_without_filters_every_byte_stays(entries: list[dict[str, Any]]) -> None:
    inside = stored(entries).getvalue().partition(b"\n")[2].removesuffix(b"]}\n")
    assert b"".join(line + b",\n" for line in reading(entries).lines()).removesuffix(b",\n") == inside.rstrip(b"\n")


def test_an_entry_of_which_nothing_is_left_out_stays_byte_for_byte() -> None:
    line = b'{"frame_index":1,"result":{"time_s":1e-07,"a":[{"label":"car","confidence":1.0, "odd":1e2}]}}'
    assert Filters(labels=frozenset({"CAR"})).narrow_json(line) == line


FRAME: dict[str, Any] = {
    "frame_index": 3,
    "result": {
        "time_s": 1.5,
        "objects": [{"label": "Car", "confidence": 0.9}, {"label": "bus", "confidence": 0.3}],
        "codes": [{"text": "HTTPS://X.EXAMPLE", "format": "QRCode"}],
        "shots": {"shot": 0, "cut": False},
    },
}
CAR, BUS = FRAME["result"]["objects"]
(CODE,) = FRAME["result"]["codes"]


@pytest.mark.parametrize(
    ("wanted", "objects", "codes"),
    [
        (Filters(labels=frozenset({"CAR"})), [CAR], []),
        (Filters(labels=frozenset({"qrcode", "bus"})), [BUS], [CODE]),
        (Filters(labels=frozenset({"https://x.example"})), [], [CODE]),
        (Filters(labels=frozenset({"ca"})), [], []),
        (Filters(q="A"), [CAR], [CODE]),
        (Filters(q="qrcode"), [], []),
        (Filters(min_confidence=0.5), [CAR], [CODE]),
        (Filters(min_confidence=0.9, q="bus"), [], []),
    ],
)
def test_items(wanted: Filters, objects: list[Any], codes: list[Any]) -> None:
    left = wanted.narrow(FRAME)
    assert left is not None
    assert left["result"] == {**FRAME["result"], "objects": objects, "codes": codes}


@pytest.mark.parametrize(
    ("start_s", "end_s", "inside"),
    [(1.5, None, True), (1.51, None, False), (None, 1.5, False), (None, 1.51, True), (1.5, 1.6, True)],
)
def test_the_end_is_not_inside(start_s: float | None, end_s: float | None, inside: bool) -> None:
    assert (Filters(start_s=start_s, end_s=end_s).narrow(FRAME) is not None) == inside


@pytest.mark.parametrize(
    ("answers", "wanted", "stays"),
    [
        ({"a": [], "b": []}, Filters(nonempty=True), False),
        ({"a": [], "b": [1]}, Filters(nonempty=True), True),
        ({"a": [], "shots": {"shot": 1}}, Filters(nonempty=True), False),
        ({"shots": {"shot": 1}}, Filters(nonempty=True), True),
        ({"shots": {"shot": 1}}, Filters(nonempty=True, q="x"), False),
        ({"a": {"error": "dark"}}, Filters(nonempty=True), False),
        ({"a": {"error": "dark"}}, Filters(), True),
        ({"a": None}, Filters(nonempty=True), False),
        ({}, Filters(nonempty=True), False),
        ({"a": [{"label": "x"}], "b": [1]}, Filters(nonempty=True, nodes=frozenset({"a"}), q="y"), False),
    ],
)
def test_frames_for_which_nothing_is_left(answers: dict[str, Any], wanted: Filters, stays: bool) -> None:
    entry = {"frame_index": 0, "result": {"time_s": 0.0, **answers}}
    assert (wanted.narrow(entry) is not None) == stays
