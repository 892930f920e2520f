"""Trees to plant breaches in."""

import shutil
from pathlib import Path

import pytest

from tools.tree import ROOT, source_files


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the whole tree but for the clips, for one module: whoever plants takes away."""
    root = tmp_path_factory.mktemp("tree")
    for path in source_files(ROOT):
        if path.suffix != ".mp4":
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, root / path)
    return root
