"""Results of every shape that a plugin may give them, with texts that break careless writers."""

import io
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st

from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.formats import Reading, Source
from reelwork.pipeline.results import write_results

JOB_ID = UUID("0189f7ea-ae2c-7809-8aeb-b819cf5e9e7f")
SOURCE = Source(width=640, height=360, duration_s=None)
NODES = ("text", "objects", "shots")

# How long an example takes depends on what else the machine does.
examples = settings(deadline=None)

HOSTILE = [
    "", " ", "a,b", '"quoted"', 'one "', "two\nlines", "\r\n\r\n", "blank\n\nline", "tab\t", "-->",
    "00:01.000 --> 00:02.000",
    "<b>bold</b>", "&lt;", "&", "=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "-1.5", "+A1", "-A1", "@SUM(A1)", "'=1",
    "''-x", "\t=1", "\r=1", "\uff1d1", "WEBVTT", "NOTE", "STYLE\na", "7", "\u2028", "\x0b", "\x85", "\x1c", "\ufeff",
    "e\u0301", "視頻", "\U0001f3ac", "\u202e", "]}", "\\", "\\n", '{"frame_index"', "ﬁ", "ß", "İ",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)
names = st.one_of(st.sampled_from(["car", "Car", "bus", "STRASSE", "straße", "QRCode"]), texts)
shares = st.integers(0, 100).map(lambda percent: percent / 100)
boxes = st.fixed_dictionaries(dict.fromkeys("xywh", shares))
corners = st.lists(st.lists(shares, min_size=2, max_size=2), max_size=5)

_odd: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), texts,
    st.lists(st.integers(), max_size=2), st.dictionaries(names, st.integers(), max_size=2),
)  # fmt: skip
_members = {
    "text": st.one_of(names, _odd),
    "label": st.one_of(names, _odd),
    "format": st.one_of(names, _odd),
    "confidence": st.one_of(shares, _odd),
    "box": st.one_of(boxes, _odd),
    "polygon": st.one_of(corners, _odd),
    "track_id": st.one_of(st.integers(1, 5), _odd),
    "more": _odd,
}
items = st.one_of(
    st.fixed_dictionaries({"text": texts, "confidence": shares, "box": boxes}, optional={"polygon": corners}),
    st.fixed_dictionaries(
        {"label": names, "confidence": shares, "box": boxes}, optional={"track_id": st.integers(1, 3)}
    ),
    st.fixed_dictionaries({"text": texts, "format": names, "box": boxes}),
    st.fixed_dictionaries({}, optional=_members),
    _odd,
)
answers = st.one_of(
    st.lists(items, max_size=4),
    st.lists(items, max_size=4),
    st.fixed_dictionaries({"error": texts}),
    st.fixed_dictionaries({"shot": st.integers(0, 3), "cut": st.booleans(), "score": shares}),
    st.fixed_dictionaries({"black": st.booleans(), "brightness": shares}),
    items,
)


@st.composite
def documents(draw: st.DrawFn, answer: st.SearchStrategy[Any] = answers, most_frames: int = 12) -> list[dict[str, Any]]:
    """The entries of a document: frames in order, all with the same nodes."""
    nodes = draw(st.lists(st.sampled_from(NODES), unique=True, max_size=3))
    index, ticks = 0, draw(st.integers(-20, 20))
    entries = []
    for step in draw(st.lists(st.integers(1, 5), max_size=most_frames)):
        index, ticks = index + step, ticks + step
        result = {"time_s": ticks / 8, **{node: draw(answer) for node in nodes}}
        entries.append({"frame_index": index, "result": result})
    return entries


def stored(entries: Iterable[dict[str, Any]]) -> io.BytesIO:
    """The document with these entries, as the worker writes it."""
    stream = io.BytesIO()
    write_results(stream, JOB_ID, (_frame(entry) for entry in entries))
    return stream


def reading(entries: Iterable[dict[str, Any]], filters: Filters | None = None, source: Source = SOURCE) -> Reading:
    """What a request for that document reads."""
    return Reading(stored(entries), JOB_ID, source, filters or Filters())


def _frame(entry: dict[str, Any]) -> FrameResult:
    outputs = dict(entry["result"])
    return FrameResult(entry["frame_index"], outputs.pop("time_s"), outputs)
