"""Which files belong to the tree."""

from pathlib import Path, PurePosixPath

import pytest

from tools.tree import source_files


def test_ignored_files_do_not_belong_to_it(tmp_path: Path) -> None:
    for path in ("src/clip.py", "src/__pycache__/clip.pyc", "build/clip.py", "reelwork.egg-info/PKG-INFO", ".git/HEAD"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / ".gitignore").write_text("__pycache__/\n\n# built\nbuild/\n*.egg-info/\n")

    assert source_files(tmp_path) == [PurePosixPath(".gitignore"), PurePosixPath("src/clip.py")]


@pytest.mark.parametrize("line", ["docs/build/", "!dist"])
def test_what_is_not_understood_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / ".gitignore").write_text(f"{line}\n")

    with pytest.raises(ValueError, match="only plain names"):
        source_files(tmp_path)
