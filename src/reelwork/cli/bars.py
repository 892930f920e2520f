"""What is shown while a file is sent and while a job is waited for: on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from reelwork.cli.account import printable
from reelwork.client import JobState

_WHAT_HAPPENS = {"pending": "waiting for a worker", "running": "analysing"}


@contextmanager
def upload_bar(path: Path) -> Iterator[Callable[[int, int], None]]:
    """Show how far the upload is."""
    console = stderr()
    columns = (BarColumn(None), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    name = TextColumn("{task.description}", markup=False)
    with Progress(name, *columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(printable(path.name), total=None)
        yield lambda sent, total: progress.update(task, completed=sent, total=total)


@contextmanager
def spinner(path: Path) -> Iterator[Callable[[JobState], None]]:
    """Show what the job is doing."""
    console = stderr()
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(printable(path.name), total=None)

        def show(state: JobState) -> None:
            happening = _WHAT_HAPPENS.get(state.status, state.status)
            progress.update(task, description=f"{printable(path.name)}: {happening}")

        yield show


def stderr() -> Console:
    """Return a console on standard error."""
    return Console(stderr=True, highlight=False)
