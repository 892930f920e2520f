"""What the tests of the built-in analyzers share."""

from pathlib import Path
from typing import Any

import pytest

from reelwork.analyzers import Analyzer, AnalyzerContext
from tests.unit.analyzers.batches import Ready


@pytest.fixture
def context(tmp_path: Path) -> AnalyzerContext:
    return AnalyzerContext(models_dir=tmp_path, threads=2)


@pytest.fixture
def ready(context: AnalyzerContext) -> Ready:
    """Make an analyzer with settings, loaded and at the start of a video."""

    def make(kind: type[Analyzer], **settings: Any) -> Analyzer:
        analyzer = kind(kind.Settings(**settings), context)
        analyzer.load()
        analyzer.begin()
        return analyzer

    return make
