"""What a client prefers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.api.negotiation import chosen_coding, preferred
from tests.support.answers import examples

OFFERED = ["application/json", "application/x-ndjson", "text/csv", "text/vtt"]
CODINGS = ["zstd", "gzip"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("text/*;q=0.5, text/vtt", "text/vtt"),
        ("text/*, text/csv;q=0", "text/vtt"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("text/vtt;q=0.4, text/csv;q=0.400, application/json;q=0.3", "text/csv"),
        ("*/*;q=0.1, application/json;q=0", "application/x-ndjson"),
        ("text/csv ; Q=0.9 , text/vtt ; q=1.0", "text/vtt"),
        ("image/png", None),
        ("text/csv;q=0", None),
        ("text/csv;q=2", None),
        ("text/csv;q=x", None),
        ("nonsense", None),
        (",,;", None),
    ],
)
def test_media_types(accept: str | None, chosen: str | None) -> None:
    assert preferred(OFFERED, accept) == chosen


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("GZIP", "gzip"),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0", "gzip"),
        ("br", None),
        ("identity;q=0, *;q=0", None),
    ],
)
def test_codings(accept: str | None, chosen: str | None) -> None:
    assert chosen_coding(CODINGS, accept) == chosen


@examples
@given(st.one_of(st.text(), st.text(' ,;=qQ*/."01agzip', max_size=40)))
def test_any_header_can_be_read(header: str) -> None:
    assert preferred(OFFERED, header) in [*OFFERED, None]
    assert chosen_coding(CODINGS, header) in [*CODINGS, None]
