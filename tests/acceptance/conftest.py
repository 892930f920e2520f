"""The service, running."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.service import Caller, Service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A data directory to start commands on."""
    service = Service(tmp_path / "data")
    yield service
    service.close()


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running `reelwork up` for the tests that only use it."""
    service = Service(tmp_path_factory.mktemp("shared") / "data")
    yield service
    service.close()


@pytest.fixture(scope="session")
def up(shared_service: Service) -> Iterator[Caller]:
    """Calls to that service."""
    caller = Caller(shared_service.start("up", "--port", "0").url())
    yield caller
    caller.http.close()


@pytest.fixture
def caller() -> Iterator[Callable[[str], Caller]]:
    """Makes callers that are closed at the end."""
    callers: list[Caller] = []

    def make(url: str) -> Caller:
        callers.append(Caller(url))
        return callers[-1]

    yield make
    for made in callers:
        made.http.close()
