"""A real service, and the commands that talk to it, run as a script and as a person would."""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.service import Service
from tests.support.warm_start import Nursery

Completed = subprocess.CompletedProcess[str]
Reelwork = Callable[..., Completed]


@pytest.fixture(scope="package")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service has its data."""
    return tmp_path_factory.mktemp("cli") / "data"


@pytest.fixture(scope="package")
def service_url(data_dir: Path, nursery: Nursery) -> Iterator[str]:
    """The address of `reelwork up`, with a pipeline that fails and one that a test holds up."""
    # A worker soon lets go of a held job that a test deleted.
    service = Service(data_dir, {"REELWORK_LEASE_S": "3"}, nursery)
    service.write_pipeline("failing", "raise")
    service.write_pipeline("held", "hold", until=data_dir / "go-on")
    command = service.start("up", "--port", "0")
    yield command.url()
    assert command.stop() == 0
    service.close()


@pytest.fixture
def go_on(data_dir: Path) -> Iterator[Path]:
    """The file that lets jobs go on that are held up."""
    path = data_dir / "go-on"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def reelwork(service_url: str, nursery: Nursery) -> Reelwork:
    """Run a command that finds its service by the environment.

    It is forked from a process that has loaded everything, unless it is given files of its own to read or to write.
    """

    def run(*arguments: str | Path, cwd: Path | None = None, **options: Any) -> Completed:
        if not options:
            return nursery.run([*map(str, arguments)], environment(service_url), directory=cwd)
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        command = [sys.executable, "-m", "reelwork", *map(str, arguments)]
        return subprocess.run(command, env=environment(service_url), text=True, timeout=120, **given)

    return run


def environment(service_url: str) -> dict[str, str]:
    """Return the variables a person at a terminal would have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELWORK_")}
    return {**kept, "REELWORK_URL": service_url, "COLUMNS": "80", "TERM": "xterm-256color"}


@pytest.fixture
def clip(media_dir: Path) -> Path:
    """A video of 15 frames."""
    return media_dir / "burned-in-time-15fps.mp4"


@pytest.fixture(scope="package")
def completed_job(service_url: str, nursery: Nursery, media_dir: Path) -> str:
    """A job that is completed, for tests that only read."""
    clip = media_dir / "burned-in-time-15fps.mp4"
    command = ["submit", "--wait", "-p", "frames", "--tag", "done", str(clip)]
    return nursery.run(command, environment(service_url)).stdout.strip()


def objects(printed: str) -> list[dict[str, Any]]:
    """Return what was printed, an object on each line."""
    return [json.loads(line) for line in printed.splitlines()]


@contextmanager
def terminal() -> Iterator[tuple[int, bytearray]]:
    """Give a terminal to write to, and what is shown on it; complete when this ends."""
    ours, theirs = pty.openpty()
    shown = bytearray()
    reader = threading.Thread(target=_read, args=(ours, shown))
    reader.start()
    try:
        yield theirs, shown
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)


def _read(terminal: int, shown: bytearray) -> None:
    with suppress(OSError):
        while data := os.read(terminal, 2**16):
            shown += data
