"""The clips and what a plain decode makes of each, both made when first asked for and kept for the session."""

from pathlib import Path

import pytest

from tests.conformance.library import Library


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Every clip with its reference."""
    return Library(tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for clips that one test alone looks at."""
    return tmp_path_factory.mktemp("scratch")
