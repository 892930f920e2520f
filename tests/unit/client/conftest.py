"""A real service, and clients of it: the sync one, and the async one behind the same surface."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from reelwork.client import AsyncClient, Client
from tests.support.service import Service
from tests.support.warm_start import Nursery
from tests.unit.client.awaited import Awaited

LIMIT_BYTES = 2**29

Connect = Callable[..., Client]


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Service]:
    """`reelwork up`, with a pipeline that fails and one that a test holds up."""
    service = Service(
        tmp_path_factory.mktemp("client") / "data", {"REELWORK_MAX_UPLOAD_BYTES": str(LIMIT_BYTES)}, nursery=nursery
    )
    service.write_pipeline("failing", "raise")
    service.write_pipeline("held", "hold", until=service.data_dir / "go-on")
    command = service.start("up", "--port", "0")
    service.environment["URL"] = command.url()
    yield service
    assert command.stop() == 0
    service.close()


@pytest.fixture
def go_on(running: Service) -> Iterator[Path]:
    """The file that lets jobs go on that are held up."""
    path = running.data_dir / "go-on"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="package")
def service_url(running: Service) -> str:
    """The address of that service."""
    return running.environment["URL"]


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop in a thread of its own."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Connect]:
    """Makes clients of either kind, closed at the end."""
    made: list[Any] = []

    def make(url: str, **options: Any) -> Client:
        made.append(Client(url, **options) if request.param == "sync" else Awaited(portal, AsyncClient(url, **options)))
        return cast("Client", made[-1])

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Connect, service_url: str) -> Client:
    """A client of the running service, of each kind."""
    return connect(service_url)


@pytest.fixture
def clip(media_dir: Path) -> Path:
    """A video of 15 frames."""
    return media_dir / "burned-in-time-15fps.mp4"


@pytest.fixture
def padded(clip: Path, tmp_path: Path) -> Callable[[int], Path]:
    """Makes a video of as many bytes as are wanted, which takes no space."""

    def make(size: int) -> Path:
        path = tmp_path / f"padded-{size}.mp4"
        padding = size - clip.stat().st_size
        with path.open("wb") as file:
            file.write(clip.read_bytes() + padding.to_bytes(4, "big") + b"free")
            file.truncate(size)
        return path

    return make
