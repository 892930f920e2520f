"""The template for plugin authors: it installs, keeps the contract, is found and runs, all without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

TEMPLATE = Path(__file__).parents[3] / "examples" / "analyzer-template"
REGISTERED = """
from reelwork.analyzers.registry import AnalyzerRegistry
registry = AnalyzerRegistry.installed()
print(registry.analyzers["colours"].__module__, registry.packages["colours"], registry.broken)
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template as an author would begin with, installed into `site` beside it."""
    copy = tmp_path_factory.mktemp("author") / "template"
    shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    run(copy, "-m", "pip", "install", "--quiet", *offline, "--target", str(copy / "site"), ".")
    return copy


def run(template: Path, *arguments: str) -> str:
    """Run Python in the directory of the template, with what is installed there."""
    environment = {**os.environ, "PYTHONPATH": str(template / "site"), "REELWORK_DATA_DIR": str(template / "data")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=template, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_found(template: Path) -> None:
    assert run(template, "-c", REGISTERED) == "reelwork_colours.analyzer reelwork-colours 0.1.0 {}\n"


def test_its_own_tests_pass(template: Path) -> None:
    assert "3 passed" in run(template, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".")


def test_its_pipeline_runs(template: Path, media_dir: Path) -> None:
    clip = media_dir / "midroll-5s.mp4"
    printed = run(template, "-m", "reelwork", "analyze", str(clip), "--pipeline", "pipelines/colours.yaml")
    entries = msgspec.json.decode(printed)["results"]
    assert [entry["frame_index"] for entry in entries] == [0, 25, 50, 75, 100]
    for entry in entries:
        first, *others = entry["result"]["colours"]
        assert first["label"].startswith("#")
        assert 0.05 <= first["share"] <= 1
        assert all(0.05 <= other["share"] <= first["share"] for other in others)
