"""The body of a request is stored part by part, and what has come is stored however it ends."""

from collections.abc import Iterator

import pytest

from reelwork.errors import UnsupportedMedia
from reelwork.uploads.arriving import PART_BYTES, PART_S, ArrivingParts
from tests.support.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def parts(*pieces: bytes | Exception) -> tuple[list[list[bytes]], ArrivingParts]:
    """Return the parts into which pieces are cut, and what cut them."""

    def arrive() -> Iterator[bytes]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    cut = ArrivingParts(arrive(), lambda size: None)
    return [list(part) for part in cut], cut


def test_pieces_that_follow_each_other_are_one_part() -> None:
    assert parts(b"a", b"b", b"c")[0] == [[b"a", b"b", b"c"]]


def test_part_ends_when_nothing_comes() -> None:
    assert parts(b"", b"a", b"b", b"", b"", b"c", b"")[0] == [[b"a", b"b"], [b"c"]]


def test_part_ends_when_it_is_large() -> None:
    large = bytes(PART_BYTES)
    assert parts(large, b"a", b"b")[0] == [[large], [b"a", b"b"]]


def test_part_ends_when_it_is_old(clock: Clock) -> None:
    def arrive() -> Iterator[bytes]:
        for _ in range(4):
            clock.now += PART_S / 2
            yield b"a"

    assert [len(list(part)) for part in ArrivingParts(arrive(), lambda size: None)] == [2, 2]


def test_nothing_is_no_part() -> None:
    assert parts(b"", b"")[0] == []


def test_what_came_before_a_break_is_a_part() -> None:
    lost = ConnectionError()
    stored, cut = parts(b"a", lost)
    assert stored == [[b"a"]]
    assert cut.broken_off is lost


def test_what_is_refused_goes_to_whoever_stores() -> None:
    with pytest.raises(UnsupportedMedia):
        parts(b"a", UnsupportedMedia("no MP4"))


def test_sizes_are_told_before_they_are_stored() -> None:
    told: list[int] = []
    cut = ArrivingParts(iter([b"ab", b"", b"c"]), told.append)
    assert [(list(part), list(told)) for part in cut] == [([b"ab"], [2]), ([b"c"], [2, 1])]
