"""The application as it is served, in a thread of this process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from reelwork.bootstrap.api import make_api
from reelwork.settings import Settings
from tests.support.served import served


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., httpx.Client]]:
    """Serves with the settings it is given."""
    with ExitStack() as running:

        def serve(**settings: object) -> httpx.Client:
            app = make_api(Settings.load(data_dir=tmp_path / "data", **settings))
            return running.enter_context(served(app))

        yield serve
