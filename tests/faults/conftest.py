"""The service, started to be hurt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clips import encode_clip, numbered
from tests.support.service import Service
from tests.support.service_fixtures import caller, service
from tests.support.warm_start import Nursery

__all__ = ["caller", "service"]


@pytest.fixture
def hurt(tmp_path: Path, nursery: Nursery, database_url: str) -> Iterator[Service]:
    """A service, on each database, whose commands follow a `FAULT_PLAN`."""
    environment = {
        "REELWORK_DATABASE_URL": database_url,
        "REELWORK_FAULTS": "fault_points:reached",
        "REELWORK_RETRY_REST_S": "0",
    }
    service = Service(tmp_path / "data", environment, nursery)
    yield service
    service.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of eight small frames."""
    return encode_clip(tmp_path_factory.mktemp("clips") / "eight.mp4", numbered(8))
