"""The service, running."""

from collections.abc import Iterator

import pytest

from tests.support.service import Caller, Service
from tests.support.service_fixtures import caller, service
from tests.support.warm_start import Nursery

__all__ = ["caller", "service"]


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Service]:
    """A running service for the tests that only use it."""
    service = Service(tmp_path_factory.mktemp("shared") / "data", nursery=nursery)
    yield service
    service.close()


@pytest.fixture(scope="session")
def up(shared_service: Service) -> Iterator[Caller]:
    """Calls to that service."""
    caller = Caller(shared_service.run())
    yield caller
    caller.http.close()
