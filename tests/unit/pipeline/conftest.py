"""Pipelines of the small analyzers in `tests/support/analyzers.py`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.pipeline.definition import PipelineDefinition, read_definition

WriteYaml = Callable[..., Path]


@pytest.fixture
def context(tmp_path: Path) -> AnalyzerContext:
    """A place in which no model has been put yet."""
    return AnalyzerContext(models_dir=tmp_path / "models", threads=1)


@pytest.fixture
def own_dir(tmp_path: Path) -> Path:
    """A directory for pipeline files of one's own."""
    directory = tmp_path / "pipelines"
    directory.mkdir()
    return directory


@pytest.fixture
def write_yaml(own_dir: Path) -> WriteYaml:
    """Write a pipeline file; ``name`` is that of the file."""

    def write(text: str, name: str = "mine") -> Path:
        path = own_dir / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def read_yaml(write_yaml: WriteYaml) -> Callable[..., PipelineDefinition]:
    """Write a pipeline file and read it."""
    return lambda text, name="mine": read_definition(write_yaml(text, name))
