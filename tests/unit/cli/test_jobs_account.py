"""The account of a results document."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from reelwork.cli.account import MOST_ROWS, findings, render


def document(answers: Sequence[Any], node: str = "node", step_s: float = 0.5) -> dict[str, Any]:
    entries = [
        {"frame_index": 10 * place, "result": {"time_s": place * step_s, node: answer}}
        for place, answer in enumerate(answers)
    ]
    return {"job_id": "8b7f4c2e-0a4e-4d55-8a52-6f9a39b0a7b1", "results": entries}


def rendered(document: dict[str, Any], width: int = 80, title: str = "") -> str:
    console = Console(file=StringIO(), width=width)
    render(document, console, title=title)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def text(*names: str, confidence: float = 0.9) -> list[dict[str, Any]]:
    return [{"text": name, "confidence": confidence, "box": {}, "polygon": []} for name in names]


def merged(answers: Sequence[Any]) -> list[tuple[str, int, int]]:
    found = findings(document(answers)["results"], "node")
    return [(finding.what, finding.first_frame, finding.last_frame) for finding in found]


def test_equal_answers_on_consecutive_frames_are_one() -> None:
    answers = [text("A"), text("A", "B"), text("B"), [], text("B", "A")]
    assert merged(answers) == [("A", 0, 10), ("B", 10, 20), ("B", 40, 40), ("A", 40, 40)]


def test_the_highest_confidence_and_the_largest_count_stay() -> None:
    person = {"label": "person", "confidence": 0.5, "box": {}}
    surer = {"label": "person", "confidence": 0.75, "box": {}}
    (finding,) = findings(document([[person], [person, surer], [person]])["results"], "node")
    assert (finding.confidence, finding.count, finding.frames) == (0.75, 2, 3)
    shown = rendered(document([[person], [person, surer]]))
    assert "person \N{MULTIPLICATION SIGN}2" in shown
    assert "75%" in shown


def test_codes_of_different_formats_are_different() -> None:
    def code(format: str) -> dict[str, Any]:  # noqa: A002 - the answer's own word
        return {"text": "4006381333931", "format": format, "box": {}, "polygon": []}

    answers = [[code("EAN13")], [code("QRCode")]]
    assert merged(answers) == [("4006381333931", 0, 0), ("4006381333931", 10, 10)]
    shown = rendered(document(answers))
    assert "EAN13" in shown
    assert "QRCode" in shown
    assert "conf." not in shown


def test_shots_are_numbered_rows() -> None:
    answers = [{"shot": shot, "cut": cut, "score": 0.1} for shot, cut in [(0, False), (0, False), (1, True)]]
    assert merged(answers) == [("shot 0", 0, 10), ("shot 1", 20, 20)]


def test_flags_are_named_while_they_are_set() -> None:
    answers = [
        {"black": True, "frozen": False, "blurred": False, "brightness": 0.0},
        {"black": True, "frozen": True, "blurred": False, "brightness": 0.0},
        {"black": False, "frozen": False, "blurred": False, "brightness": 0.5},
    ]
    assert merged(answers) == [("black", 0, 10), ("frozen", 10, 10)]


@pytest.mark.parametrize(
    ("answer", "what"),
    [({"speed": 3}, '{"speed":3}'), (7, "7"), ("up", '"up"'), ([[1, 2]], "[1,2]"), ([{"text": None}], '{"text":null}')],
)
def test_anything_else_is_json(answer: Any, what: str) -> None:
    assert merged([answer, answer]) == [(what, 0, 10)]


@pytest.mark.parametrize("answer", [[], None])
def test_nothing_is_said_to_be_nothing(answer: Any) -> None:
    assert "node  nothing found" in rendered(document([answer]))


def test_a_video_cannot_steer_the_terminal() -> None:
    shown = rendered(document([text("\x1b[2Jgone", "[bold red]loud[/]", "\u202edrawkcab")]), title="\x1b[31mred.mp4")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold red]loud[/]" in shown


def test_it_fits_80_columns() -> None:
    long = "a line of text that is far too long to be shown in one row of a table of eighty columns"
    shown = rendered(document([text(long, "short")] * 5000, step_s=1.5))
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "2:04:58.5" in shown


def test_of_too_many_findings_the_longest_are_shown_in_order() -> None:
    answers = [text("stays", f"passes {place}") for place in range(3 * MOST_ROWS)]
    shown = rendered(document(answers))
    assert "stays" in shown
    assert f"and {2 * MOST_ROWS + 1} briefer ones" in shown
    assert shown.index("stays") < shown.index("passes 0 ") < shown.index("passes 5 ")


def test_the_headline_counts_frames() -> None:
    assert rendered(document([]), title="clip.mp4").strip() == "clip.mp4  No frame was analysed."
    assert rendered(document([[]]), title="clip.mp4").startswith("clip.mp4  1 frame analysed  0:00.000")


def test_a_pipeline_without_outputs_has_frames_alone() -> None:
    entries = [{"frame_index": 0, "result": {"time_s": 0.0}}]
    assert rendered({"job_id": "", "results": entries}).count("\n") == 1
