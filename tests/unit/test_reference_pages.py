"""The reference pages say what the code says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from jsonschema_rs import validator_for
from ruamel.yaml import YAML

from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import PipelineInvalid
from reelwork.jobs.lifecycle import JobStatus
from reelwork.pipeline.catalog import SHIPPED_DIR
from reelwork.pipeline.definition import read_definition
from reelwork.pipeline.graph import build_graph
from scripts.walk import WALK

ROOT = Path(__file__).parent.parent.parent
SCHEMA = validator_for(json.loads((ROOT / "docs" / "reference" / "pipeline.schema.json").read_text()))
PIPELINES = [*SHIPPED_DIR.glob("*.yaml"), *(ROOT / "examples").rglob("pipelines/*.yaml")]
GOOD = """name: mine
sampling: {every_s: 0.5, keyframes: false, ranges: [{end_s: 600}, {start_frame: 900}]}
nodes:
  plates: {analyzer: objects, with: {min_confidence: 0.4}, inputs: [$frame]}
  text: {analyzer: text, inputs: [$frame, plates]}
outputs: [plates, text]
"""
MISTAKES = [
    ("name: mine", "name: Mine"),
    ("name: mine\n", ""),
    ("outputs:", "output:"),
    ("outputs: [plates, text]", "outputs: plates"),
    ("every_s: 0.5", "every_s: 0"),
    ("every_s: 0.5", "every_s: 0.5, frame_stride: 2"),
    ("keyframes: false", "keyframes: true"),
    ("every_s: 0.5", "every: 0.5"),
    ("{end_s: 600}", "{end_s: 600, start_frame: 3}"),
    ("{end_s: 600}", "{}"),
    ("ranges: [{end_s: 600}, {start_frame: 900}]", "ranges: []"),
    ("nodes:", "on_decode_error: skip\nnodes:"),
    ("nodes:", "max_failed_share: 2\nnodes:"),
    ("  plates:", "  Plates:"),
    ("  plates:", "  time_s:"),
    ("analyzer: text, ", ""),
    ("analyzer: text", "analyser: text"),
    ("min_confidence: 0.4", "min_confidence: 4"),
    ("min_confidence: 0.4", "min_confidenec: 0.4"),
    ("inputs: [$frame]", "inputs: [text]"),
    ("analyzer: text", "analyzer: text, with: {engine: crystal}"),
]
"""What the loader refuses, and an editor should mark."""


def test_reference_pages_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "write_reference.py"), "--check"], check=False)
    assert done.returncode == 0, "run: python scripts/write_reference.py"


@pytest.mark.parametrize("name", ["job-states", "walk"])
def test_drawings_can_be_seen_and_heard(name: str) -> None:
    drawing = ET.parse(ROOT / "docs" / "explanation" / f"{name}.svg").getroot()
    svg = "{http://www.w3.org/2000/svg}"
    shown = {element.text for element in drawing.iter(f"{svg}text")}
    described = drawing.findtext(f"{svg}desc") or ""
    assert drawing.get("role") == "img"
    assert drawing.findtext(f"{svg}title")
    parts = [step.point for step in WALK] if name == "walk" else [str(status) for status in JobStatus]
    assert set(parts) <= shown
    assert all(part in described for part in parts)
    assert "prefers-color-scheme: dark" in (drawing.findtext(f"{svg}style") or "")


def _is_valid(text: str) -> bool:
    return bool(SCHEMA.is_valid(YAML(typ="safe", pure=True).load(text)))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_schema_admits_what_comes_along(path: Path) -> None:
    assert _is_valid(path.read_text())


def test_schema_knows_every_setting(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    graph = build_graph(read_definition(tmp_path / "mine.yaml"), AnalyzerRegistry.installed())
    assert _is_valid(GOOD)
    assert SCHEMA.is_valid(graph.definition.to_json())  # with every default written out


def test_schema_admits_plugins() -> None:
    assert _is_valid(GOOD.replace("analyzer: text", "analyzer: of_mine, with: {whatever: [1]}"))


@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_schema_marks_what_the_loader_refuses(right: str, wrong: str, tmp_path: Path) -> None:
    assert GOOD.count(right) == 1
    written = GOOD.replace(right, wrong)
    (tmp_path / "mine.yaml").write_text(written)
    with pytest.raises(PipelineInvalid):
        build_graph(read_definition(tmp_path / "mine.yaml"), AnalyzerRegistry.installed())
    assert not _is_valid(written)


def test_the_pipeline_shown_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "pipelines.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert _is_valid(shown)
    (tmp_path / "plates.yaml").write_text(shown)
    build_graph(read_definition(tmp_path / "plates.yaml"), AnalyzerRegistry.installed())
