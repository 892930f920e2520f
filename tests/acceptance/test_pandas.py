"""What the page about pandas shows is what happens, and what it warns of is true."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from reelwork.pipeline.reading.tables import table
from tests.support.lesson import USUAL, Lesson
from tools.pages import Block

PAGE = "docs/how-to/pandas.md"
UP = Block(0, "console", f"$ reelwork up --data-dir .reelwork\nReelwork is ready at {USUAL}\n", None, False)
SAID = ["=1+1", "'=1+1", "''-x", "\N{FULLWIDTH EQUALS SIGN}x", "'quoted'", "plain", "-12.5", "NA", "0815", "@b", "\tc"]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """Somebody who has followed the page beside a service that runs."""
    with closing(Lesson(tmp_path_factory.mktemp("pandas"))) as lesson:
        lesson.do(UP)
        lesson.follow(__file__, PAGE)
        yield lesson


def test_every_text_is_read_back_from_csv(lesson: Lesson) -> None:
    rows = [{"frame_index": 0, "result": {"time_s": 0.0, "text": [{"text": text} for text in SAID]}}]
    (lesson.directory / "results.csv").write_text("".join(table(rows)))
    read = lesson.run("python -c 'import json, from_csv; print(json.dumps(list(from_csv.found[\"text\"])))'")
    assert json.loads(read.splitlines()[-1]) == SAID


def test_a_frame_without_anything_counts(lesson: Lesson) -> None:
    lines = (lesson.directory / "results.ndjson").read_text().splitlines()
    empty = {"frame_index": 3, "result": {"time_s": 0.25, "codes": [], "text": []}}
    (lesson.directory / "results.ndjson").write_text("\n".join([*lines, json.dumps(empty)]))
    means = lesson.run("python per_second.py").splitlines()
    assert means[2].split() == ["0.0", "0.666667", "0.666667"]
