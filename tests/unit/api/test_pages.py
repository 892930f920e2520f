"""Pages put together are the whole; a cursor leads where it was given for, or nowhere."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.api.pages import Pages, link_to_next
from reelwork.errors import InvalidOptions
from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.formats import Reading
from tests.support.answers import documents, examples, reading
from tests.unit.pipeline.reading.test_filters import filters

KEY = "video_results/a/b.json"


def paged(whole: Reading, limit: int, key: str = KEY) -> Iterator[tuple[list[bytes], str | None]]:
    """Follow the cursors; yield each page and the cursor it came with."""
    cursor: str | None = None
    while True:
        pages = Pages(whole.document, key, whole.filters)
        start = pages.start(cursor)
        following = pages.following(start, limit)
        yield list(replace(whole, start=start, end=following[0] if following else None).lines()), cursor
        if following is None:
            return
        cursor = following[1]


@examples
@given(documents(), filters, st.integers(1, 5))
def test_pages_together_are_the_whole(entries: list[dict[str, Any]], wanted: Filters, limit: int) -> None:
    whole = reading(entries, wanted)
    expected = list(whole.lines())
    pages = [page for page, _ in paged(whole, limit)]
    assert [line for page in pages for line in page] == expected
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert len(pages) == max(1, -(-len(expected) // limit))


ENTRIES = [{"frame_index": n, "result": {"time_s": float(n), "text": [{"text": '{"frame_index"'}]}} for n in range(6)]


def test_a_cursor_is_for_these_results_and_these_filters() -> None:
    whole = reading(ENTRIES)
    (_, _), (_, cursor), *_ = paged(whole, 2)
    assert Pages(whole.document, KEY, Filters()).start(cursor) > 0
    for other in (
        Pages(whole.document, "video_results/a/c.json", Filters()),
        Pages(whole.document, KEY, Filters(q="x")),
    ):
        with pytest.raises(InvalidOptions, match="cursor"):
            other.start(cursor)


def test_the_order_of_what_is_repeated_does_not_matter() -> None:
    labels = [f"label {n}" for n in range(50)]
    whole = reading(ENTRIES, Filters(labels=frozenset(labels)))
    (_, _), (_, cursor), *_ = paged(whole, 2)
    assert Pages(whole.document, KEY, Filters(labels=frozenset(reversed(labels)))).start(cursor) > 0


@examples
@given(st.one_of(st.text(), st.from_regex(r"[0-9a-f]{1,13}\.[0-9a-f]{16}", fullmatch=True)))
def test_a_cursor_of_ones_own_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidOptions, match="cursor"):
        Pages(reading(ENTRIES).document, KEY, Filters()).start(cursor)


@examples
@given(st.integers(-1, 1000))
def test_a_forged_cursor_leads_to_an_entry_or_nowhere(offset: int) -> None:
    whole = reading(ENTRIES)
    pages = Pages(whole.document, KEY, Filters())
    try:
        start = pages.start(pages._cursor(max(offset, 0)))
    except InvalidOptions:
        return
    whole.document.seek(start - 1)
    assert whole.document.read(16) == b'\n{"frame_index":'


def test_the_link_carries_everything() -> None:
    given_parameters = [("q", 'a "b" >; rel=x\n'), ("label", "é"), ("label", "&"), ("cursor", "old"), ("limit", "2")]
    link = link_to_next("/video/results/x", given_parameters, "5.ab")
    address, _, rest = link.partition("; ")
    assert rest == 'rel="next"'
    assert address[0] + address[-1] == "<>"
    parts = urlsplit(address[1:-1])
    assert parts.path == "/video/results/x"
    wanted = [pair for pair in given_parameters if pair[0] != "cursor"]
    assert parse_qsl(parts.query) == [*wanted, ("cursor", "5.ab")]
