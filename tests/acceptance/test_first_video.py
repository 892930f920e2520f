"""The lesson of the first video is what happens."""

import re
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.support.lesson import Lesson, is_as_shown
from tools.tree import ROOT

PAGE = "docs/tutorial/first-video.md"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """Somebody who has followed the page, and whose service still runs."""
    with closing(Lesson(tmp_path_factory.mktemp("first_video"), is_installed=False)) as lesson:
        lesson.follow(__file__, PAGE)
        yield lesson


def test_the_files_at_its_end(lesson: Lesson) -> None:
    assert (lesson.directory / "frame.jpg").read_bytes().startswith(b"\xff\xd8")
    assert len((lesson.directory / "codes.csv").read_text().splitlines()) == 7


def test_the_page_in_the_browser_says_what_the_lesson_says(lesson: Lesson) -> None:
    said = re.findall(r"\*\*(.+?)\*\*", (ROOT / PAGE).read_text())
    assert len(said) == 3
    page = unescape(httpx.get(lesson.url, timeout=30).text)
    assert not [words for words in said if words not in page]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("completed\n", "failed\n"),
        ("0.5 car\n", "0.6 car\n"),
        ("one\ntwo\n", "one\n"),
        ("one\n", "one\n...\ntwo\n"),
        ("PARCEL 4711   90%\n", "PARCEL 4711  100%\n"),
    ],
)
def test_what_is_not_as_shown_is_noticed(printed: str, shown: str) -> None:
    assert not is_as_shown(printed, shown)


def test_what_may_differ() -> None:
    shown = "450bf8f3-99b5-4af5-8e9a-0f806957d7a8 ... 0.98176 100% 2026-01-14 09:30 in 0.61s"
    assert is_as_shown("1e36d802-1636-4e67-abf5-1aae82479871 any,\nthing 0.98 99% 2027-02-28 23:59 in 12.00s", shown)


def test_the_directory_is_the_reader_s(lesson: Lesson) -> None:
    assert Path(lesson.run("pwd").strip()) == lesson.directory
