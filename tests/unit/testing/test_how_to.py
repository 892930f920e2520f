"""What the how-to for plugin authors shows is right."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from reelwork.testing import check_analyzer

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-an-analyzer.md"


def test_the_analyzers_shown_keep_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 3
    (tmp_path / "shown_in_the_how_to.py").write_text("\n".join(blocks))
    monkeypatch.syspath_prepend(tmp_path)
    shown = import_module("shown_in_the_how_to")
    monkeypatch.delitem(sys.modules, "shown_in_the_how_to")
    shown.test_it_keeps_the_contract()
    check_analyzer(shown.Flashes)
