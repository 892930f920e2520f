"""The reference pages say what the code says."""

import re
import subprocess
import sys
from pathlib import Path

from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.definition import read_definition
from reelwork.pipeline.graph import build_graph

ROOT = Path(__file__).parent.parent.parent


def test_reference_pages_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "write_reference.py"), "--check"], check=False)
    assert done.returncode == 0, "run: python scripts/write_reference.py"


def test_the_pipeline_shown_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "pipelines.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "plates.yaml").write_text(shown)
    build_graph(read_definition(tmp_path / "plates.yaml"), AnalyzerRegistry.installed())
