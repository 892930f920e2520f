"""What the how-to for plugin authors shows is right."""

import shutil
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from reelwork.testing import check_analyzer
from tests.support.lesson import Lesson
from tests.support.shell import blocks_run_by
from tools.tree import ROOT

PAGE = "docs/how-to/write-an-analyzer.md"
ANALYZER, *MORE = blocks_run_by(__file__, PAGE, "python")
[ENTRY_POINT] = blocks_run_by(__file__, PAGE, "toml")
[PIPELINE] = blocks_run_by(__file__, PAGE, "yaml")
[TRY] = blocks_run_by(__file__, PAGE, "console")


def test_the_analyzers_shown_keep_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shown_in_the_how_to.py").write_text("\n".join(block.text for block in (ANALYZER, *MORE)))
    monkeypatch.syspath_prepend(tmp_path)
    shown = import_module("shown_in_the_how_to")
    monkeypatch.delitem(sys.modules, "shown_in_the_how_to")
    shown.test_it_keeps_the_contract()
    check_analyzer(shown.Flashes)


def test_a_package_with_the_analyzer_shown_can_be_tried(tmp_path: Path) -> None:
    with closing(Lesson(tmp_path)) as lesson:
        package = lesson.directory / "src" / "my_package"
        package.mkdir(parents=True)
        (package / "split.py").write_text(ANALYZER.text)
        template = ROOT / "examples" / "analyzer-template"
        shutil.copy(template / "README.md", lesson.directory)
        described = (template / "pyproject.toml").read_text().replace("reelwork_colours", "my_package")
        before, _, after = described.partition("[project.entry-points")
        described = f"{before}{ENTRY_POINT.text}[tool{after.partition('[tool')[2]}"
        (lesson.directory / "pyproject.toml").write_text(described)
        (lesson.directory / "clip.mp4").symlink_to(ROOT / "media" / "car-detection.mp4")
        lesson.do(PIPELINE)
        lesson.do(TRY)
