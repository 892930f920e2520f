"""The lesson of the first analyzer is what happens."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.lesson import Lesson


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """Somebody who has followed the page, and whose service still runs."""
    with closing(Lesson(tmp_path_factory.mktemp("first_analyzer"))) as lesson:
        lesson.follow(__file__, "docs/tutorial/first-analyzer.md")
        yield lesson


def test_the_frame_is_drawn(lesson: Lesson) -> None:
    assert (lesson.directory / "paper.jpg").read_bytes().startswith(b"\xff\xd8")


def test_nothing_of_the_template_is_left(lesson: Lesson) -> None:
    package = lesson.directory.parent / "reelwork-paper"
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert package / "src" / "reelwork_paper" / "analyzer.py" in files
    assert not [path for path in files if "colours" in path.name or "olours" in path.read_text()]
