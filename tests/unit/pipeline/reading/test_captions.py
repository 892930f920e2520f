"""WebVTT and SRT, read back by strict readers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.pipeline.reading.captions import subrip, webvtt
from reelwork.pipeline.reading.formats import FORMATS
from reelwork.pipeline.reading.waiting import Cue
from tests.support.answers import documents, examples, reading, texts
from tests.support.captions import ReadCue, read_srt, read_vtt

BY_NAME = {form.name: form for form in FORMATS}
seconds = st.floats(-10, 10**7)
cues = st.lists(st.builds(Cue, seconds, seconds, st.sampled_from(["text", "codes"]), texts)).map(
    lambda found: sorted(found, key=lambda cue: cue.start_s)
)


def shown(cues: list[Cue]) -> list[ReadCue]:
    """What a person sees of the cues: nothing before the beginning, no empty lines, nothing without text."""
    found = []
    for cue in cues:
        text = "\n".join(line for line in cue.text.splitlines() if line.strip())
        start_ms = max(round(cue.start_s * 1000), 0)
        end_ms = round(cue.end_s * 1000)
        if text and end_ms > 0:
            found.append((start_ms, max(end_ms, start_ms + 1), text))
    return found


@examples
@given(cues)
def test_webvtt_says_what_is_shown(cues: list[Cue]) -> None:
    assert read_vtt("".join(webvtt(cues))) == shown(cues)


@examples
@given(cues)
def test_srt_says_what_is_shown(cues: list[Cue]) -> None:
    expected = [(start, end, text.replace("-->", "->")) for start, end, text in shown(cues)]
    assert read_srt("".join(subrip(cues))) == expected


@examples
@given(documents())
def test_any_document_becomes_captions(entries: list[dict[str, Any]]) -> None:
    read = read_vtt("".join(BY_NAME["vtt"].write(reading(entries))))  # type: ignore[arg-type]
    again = read_srt("".join(BY_NAME["srt"].write(reading(entries))))  # type: ignore[arg-type]
    assert [(start, end, text.replace("-->", "->")) for start, end, text in read] == again


def test_the_shape_to_the_letter() -> None:
    given_cues = [Cue(-1.0, 0.5, "text", "a < b & c"), Cue(0.0, 360000.0, "codes", "one -->\n\n two")]
    assert "".join(webvtt(given_cues)) == (
        "WEBVTT\n"
        "\ntext 1\n00:00:00.000 --> 00:00:00.500\na &lt; b &amp; c\n"
        "\ncodes 2\n00:00:00.000 --> 100:00:00.000\none --&gt;\n two\n"
    )
    assert "".join(subrip(given_cues)) == (
        "1\n00:00:00,000 --> 00:00:00,500\na < b & c\n\n2\n00:00:00,000 --> 100:00:00,000\none ->\n two\n\n"
    )


def test_without_cues() -> None:
    assert "".join(webvtt([])) == "WEBVTT\n"
    assert "".join(subrip([])) == ""


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u2028"])
def test_a_cue_without_text_is_none(text: str) -> None:
    assert "".join(subrip([Cue(0.0, 1.0, "text", text)])) == ""


def test_a_cue_that_ends_where_it_begins_is_seen_all_the_same() -> None:
    assert read_vtt("".join(webvtt([Cue(1.0, 1.0001, "text", "a")]))) == [(1000, 1001, "a")]
