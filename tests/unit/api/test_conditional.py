"""Entity tags and ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from reelwork.api.conditional import ByteRange, is_unchanged, requested_range, strong_tag
from reelwork.errors import RangeNotSatisfiable
from tests.support.answers import examples

TAG = '"abc"'


@pytest.mark.parametrize(
    ("wanted", "unchanged"),
    [
        (['"abc"'], True),
        (['W/"abc"'], True),
        (['"x", "abc"'], True),
        (['"x"', '"abc"'], True),
        (['"a,b","abc"'], True),
        (["*"], True),
        (['"ab"'], False),
        (["abc"], False),
        (['"*"'], False),
        ([""], False),
        ([], False),
    ],
)
def test_what_the_client_has_already(wanted: list[str], unchanged: bool) -> None:
    headers = Headers(raw=[(b"if-none-match", value.encode()) for value in wanted])
    assert is_unchanged(headers, TAG) == unchanged


def test_a_tag_changes_with_each_part() -> None:
    tags = [strong_tag(*parts) for parts in [(), ("a",), ("a", "b"), ("ab",), ("b", "a"), ("a", None), ("1",), (1,)]]
    assert len(set(tags)) == len(tags)
    assert strong_tag("a", 1) == strong_tag("a", 1)
    assert all(tag[0] == tag[-1] == '"' and tag[1:-1].isalnum() for tag in tags)


def asked(size: int = 100, **headers: str) -> ByteRange | None:
    return requested_range(Headers({name.replace("_", "-"): value for name, value in headers.items()}), TAG, size)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=10-", 10, 99),
        ("bytes=-10", 90, 99),
        ("bytes=-1000", 0, 99),
        ("bytes=50-1000", 50, 99),
        ("BYTES= 99-99 ", 99, 99),
    ],
)
def test_a_range(header: str, first: int, last: int) -> None:
    part = asked(range=header)
    assert part == ByteRange(first, last, 100)
    assert (part.length, part.content_range) == (last - first + 1, f"bytes {first}-{last}/100")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "lines=0-1",
        "bytes=1-2x",
        "bytes=\xb2-",
    ],
)
def test_what_is_no_single_range_is_not_served(header: str) -> None:
    assert asked(range=header) is None


def test_numbers_beyond_reason_are_not_served() -> None:
    assert asked(range=f"bytes={'9' * 5000}-") is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_bytes_there_are_not(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        asked(range=header)
    assert caught.value.size == 100


def test_nothing_of_an_empty_document() -> None:
    with pytest.raises(RangeNotSatisfiable):
        asked(size=0, range="bytes=0-")


def test_if_range() -> None:
    assert asked(range="bytes=0-0", if_range=TAG) is not None
    for other in ('"x"', f"W/{TAG}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert asked(range="bytes=0-0", if_range=other) is None


@examples
@given(st.integers(0, 30), st.none() | st.integers(0, 40), st.none() | st.integers(0, 40))
def test_ranges_against_a_list(size: int, first: int | None, last: int | None) -> None:
    every = list(range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None:
        wanted = every[-last:] if last else []
    else:
        wanted = every[first:] if last is None else every[first : last + 1]
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        assert asked(size, range=header) is None
    elif not wanted:
        with pytest.raises(RangeNotSatisfiable):
            asked(size, range=header)
    else:
        assert asked(size, range=header) == ByteRange(wanted[0], wanted[-1], size)
