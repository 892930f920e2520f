"""Trees to plant breaches in."""

import shutil
from pathlib import Path

import pytest

from tools.tree import ROOT, source_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the whole tree but for the clips."""
    for path in source_files(ROOT):
        if path.suffix != ".mp4":
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path
