"""One text read twice, or two texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelwork.pipeline.reading.likeness import likeness
from tests.support.answers import examples, texts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ExoPlayer ad test", "ExoPIayer ad test"),
        ("ExoPlayer ad test", "ExoPlayerad test"),
        ("ExoPlayer ad test", "EXOPLAYER AD TEST."),
        ("Hello, world!", "Hello world"),
        ("Midroll", "midroll."),
        ("No smoking in this building", "No smoking in this bui1ding".replace("1", "I")),
        ("Platform 9 departs from the north hall", "Platforn 9 departs from the north hall"),
        ("\uff37ide letters", "Wide letters"),
    ],
)
def test_one_text(one: str, other: str) -> None:
    assert likeness(one, other) >= 0.9
    assert likeness(one, other) == likeness(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("00:00:01.200", "00:00:01.201"),
        ("Frame 10 of a very long video", "Frame 11 of a very long video"),
        ("Score of this game is 1:0 after the break", "Score of this game is 10 after the break"),
        ("1.5 km to the next exit", "15 km to the next exit"),
        ("-5 degrees outside today", "5 degrees outside today"),
        ("Terminal A", "Terminal B"),
        ("The Godfather Part II", "The Godfather Part III"),
        ("cat", "car"),
        ("house", "mouse"),
        ("5 million", "5 billion"),
        ("中华人民共和国成立第一集", "中华人民共和国成立第二集"),
        ("Chapter \u2160 of the long story", "Chapter \u2161 of the long story"),
        ("C", "C++"),
        ("$ only", "€ only"),
        ("...", "!!!"),
        ("", ""),
        ("this is the first caption", "and this is another caption"),
    ],
)
def test_two_texts(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one) == 0


@examples
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.text("abc :.-", max_size=40), st.text("abc :.-", max_size=40))
def test_different_numbers_are_never_one_text(one: int, other: int, before: str, behind: str) -> None:
    alike = likeness(f"{before} {one} {behind}", f"{before} {other} {behind}")
    assert (alike > 0) == (one == other)


@examples
@given(texts, texts)
def test_it_is_symmetric(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
