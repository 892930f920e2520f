"""The lesson of the first pipeline is what happens."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from reelwork.pipeline.definition import read_definition
from tests.support.lesson import Lesson


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """Somebody who has followed the page, and whose service still runs."""
    with closing(Lesson(tmp_path_factory.mktemp("first_pipeline"))) as lesson:
        lesson.follow(__file__, "docs/tutorial/first-pipeline.md")
        yield lesson


def test_the_last_state_of_the_file_is_in_the_service(lesson: Lesson) -> None:
    written = read_definition(lesson.directory / "parcels.yaml")
    served = read_definition(lesson.directory / ".reelwork/pipelines/parcels.yaml")
    assert (written.sampling.every_s, served.sampling.every_s) == (1, 0.5)
    assert written.nodes == served.nodes


def test_what_was_refused_left_no_job(lesson: Lesson) -> None:
    assert len(lesson.run("reelwork jobs --json").splitlines()) == 2
