"""Fixtures for suites that start the real commands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.service import Caller, Service
from tests.support.warm_start import Nursery


@pytest.fixture
def service(tmp_path: Path, nursery: Nursery) -> Iterator[Service]:
    """A data directory to start commands on."""
    service = Service(tmp_path / "data", nursery=nursery)
    yield service
    service.close()


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
