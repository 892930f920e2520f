"""A real service, and clients of it."""

from collections.abc import Iterator

import pytest

from reelwork.client import Client
from tests.support.service import Service

LIMIT_BYTES = 2**27


@pytest.fixture(scope="module")
def service_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `reelwork up`, with a pipeline that fails and one that takes its time."""
    service = Service(tmp_path_factory.mktemp("client") / "data", {"REELWORK_MAX_UPLOAD_BYTES": str(LIMIT_BYTES)})
    service.write_pipeline("failing", "raise")
    service.write_pipeline("slow", "pause", seconds=0.2)
    command = service.start("up", "--port", "0")
    yield command.url()
    assert command.stop() == 0
    service.close()


@pytest.fixture
def client(service_url: str) -> Iterator[Client]:
    """A client of that service."""
    with Client(service_url) as client:
        yield client
