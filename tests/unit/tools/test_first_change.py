"""The change that newcomers are shown does what the page says, from the clone to the commit."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reelwork.pipeline.catalog import SHIPPED_DIR
from tests.support.cloning import beginning, inheriting_python, repository
from tests.support.shell import Shell, blocks_run_by
from tools.tree import ROOT

PAGE_NAME = "shots_text"
# Another one, once somebody has made that change.
NAME = PAGE_NAME if not (SHIPPED_DIR / f"{PAGE_NAME}.yaml").exists() else "text_shots"
CLONE, TEST, CODE, SEE, REFERENCE, CHANGELOG, CHECK = (
    block.text.replace(PAGE_NAME, NAME) for block in blocks_run_by(__file__, "docs/how-to/first-change.md", "sh")
)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return repository(tmp_path / "origin", "v0.1.0")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Where somebody begins who has nothing yet."""
    with closing(Shell(tmp_path, beginning(tmp_path, inheriting_python(tmp_path)))) as shell:
        yield shell


@pytest.mark.timeout(900)
def test_a_first_change(shell: Shell, origin: Path, tmp_path: Path) -> None:
    shell.run(CLONE.replace("<repository>", str(origin)))
    clone = tmp_path / "reelwork"
    assert "No such file" in shell.run(TEST, fails=True)
    assert "1 passed" in shell.run(CODE)
    assert "ExoPlayer ad test" in shell.run(SEE)
    assert "Tell the shots of the video apart, and" in shell.run(REFERENCE)
    shell.run(CHANGELOG)
    unreleased = (clone / "CHANGELOG.md").read_text().split("\n## [")[1]
    assert f"### Added\n\n- Pipeline `{NAME}`" in unreleased

    types_known = ROOT / ".mypy_cache"
    if types_known.is_dir():  # to look through everything anew takes a minute
        shutil.copytree(types_known, clone / ".mypy_cache")
    checked = shell.run(CHECK)
    assert " passed" in checked
    assert "Ship a pipeline for shots and text" in shell.run("git log --max-count 1 --oneline")
    assert shell.run("git status --short") == ""
