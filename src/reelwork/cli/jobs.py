"""The commands that talk to a service: submit, status, results, pipelines."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from reelwork.client import Client, JobState, Pipeline

Url = Annotated[str, typer.Option("--url", envvar="REELWORK_URL", help="Where the service is.")]
JobId = Annotated[UUID, typer.Argument(metavar="JOB_ID", show_default=False, help="What `reelwork submit` printed.")]
Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, show_default=False, help="One or more MP4 files."
    ),
]

_DEFAULT_URL = "http://127.0.0.1:8000"
_WHAT_HAPPENS = {"pending": "waiting for a worker", "running": "analysing"}


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(submit)
    app.command()(status)
    app.command()(results)
    app.command()(pipelines)


def submit(
    files: Files,
    pipeline: Annotated[
        str | None,
        typer.Option("--pipeline", "-p", show_default="the service's", help="What to look for: `reelwork pipelines`."),
    ] = None,
    frame_stride: Annotated[
        int | None,
        typer.Option("--frame-stride", min=1, show_default="the pipeline's", help="Analyse every n-th frame."),
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option("--max-frames", min=1, show_default="all", help="Analyse at most so many frames.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end and show what was found.")] = False,
    url: Url = _DEFAULT_URL,
) -> None:
    """Submit videos and print their job ids, one per line.

    Standard output holds the ids alone; everything else goes to standard error.

    Exits with 1 if a file is refused or, with --wait, if a job fails.

    Example: reelwork submit --wait clip.mp4

    Example: job=$(reelwork submit --pipeline text_codes --frame-stride 10 clip.mp4)
    """
    from reelwork.client import Client

    options = _Options(pipeline, frame_stride, max_frames)
    with Client(url) as client:
        submission = _Submission(client, options)
        submission.send(files)
        if wait:
            submission.follow()
    if submission.went_wrong:
        raise typer.Exit(1)


def status(job_id: JobId, url: Url = _DEFAULT_URL) -> None:
    """Print where a job stands: pending, running, completed or failed.

    Why a job failed is told on standard error.

    Example: reelwork status 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88
    """
    from reelwork.client import Client

    with Client(url) as client:
        state = client.status(job_id)
        typer.echo(state.status)
        if state.status == "failed":
            _complain(str(client.failure(job_id)))


def results(
    job_id: JobId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", dir_okay=False, show_default="standard output", help="File to write to."),
    ] = None,
    url: Url = _DEFAULT_URL,
) -> None:
    """Print the results of a completed job as JSON, or write them to a file.

    Example: reelwork results 3f2b8c1e-5d47-4a0e-9a57-0d6f1c2b7e88 --output clip.json
    """
    from reelwork.client import Client

    with Client(url) as client:
        if output is None:
            client.save_results(job_id, typer.get_binary_stream("stdout"))
        else:
            _save_whole(client, job_id, output)


def pipelines(url: Url = _DEFAULT_URL) -> None:
    """List what the service can look for, and what is missing for what it cannot.

    Example: reelwork pipelines --url http://127.0.0.1:8000
    """
    from rich.console import Console

    from reelwork.client import Client

    with Client(url) as client:
        _print_pipelines(client.pipelines(), Console(highlight=False))


@dataclass(frozen=True)
class _Options:
    pipeline: str | None
    frame_stride: int | None
    max_frames: int | None


@dataclass
class _Submission:
    """The files of one command, from upload to account."""

    client: "Client"
    options: _Options
    accepted: list[tuple[Path, UUID]] = field(default_factory=list)
    went_wrong: bool = False

    def send(self, files: list[Path]) -> None:
        """Upload each file; one that is refused does not keep back the others."""
        from reelwork.client import ServiceProblem

        for path in files:
            try:
                with _upload_bar(path) as on_progress:
                    job_id = self.client.submit(path, **vars(self.options), on_progress=on_progress)
            except ServiceProblem as problem:
                self._went_wrong(path, str(problem))
            else:
                typer.echo(job_id)
                self.accepted.append((path, job_id))

    def follow(self) -> None:
        """Wait for every job and tell how it ended."""
        for path, job_id in self.accepted:
            with _spinner(path) as on_state:
                state = self.client.wait(job_id, on_state=on_state)
            if state.status == "failed":
                self._went_wrong(path, str(self.client.failure(job_id)))
            else:
                self._tell(path, job_id)

    def _tell(self, path: Path, job_id: UUID) -> None:
        from reelwork.cli import account

        account.render(_document(self.client, job_id), _stderr(), title=path.name)

    def _went_wrong(self, path: Path, reason: str) -> None:
        _complain(f"{path.name}: {reason}")
        self.went_wrong = True


@contextmanager
def _upload_bar(path: Path) -> Iterator[Callable[[int, int], None]]:
    """Show how far the upload is, on a terminal only."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = _stderr()
    columns = (BarColumn(None), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    name = TextColumn("{task.description}", markup=False)
    with Progress(name, *columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(path.name, total=None)
        yield lambda sent, total: progress.update(task, completed=sent, total=total)


@contextmanager
def _spinner(path: Path) -> Iterator[Callable[["JobState"], None]]:
    """Show what the job is doing, on a terminal only."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = _stderr()
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(path.name, total=None)

        def show(state: "JobState") -> None:
            happening = _WHAT_HAPPENS.get(state.status, state.status)
            progress.update(task, description=f"{path.name}: {happening}")

        yield show


def _document(client: "Client", job_id: UUID) -> dict[str, Any]:
    import io
    import json

    stream = io.BytesIO()
    client.save_results(job_id, stream)
    document: dict[str, Any] = json.loads(stream.getvalue())
    return document


def _save_whole(client: "Client", job_id: UUID, output: Path) -> None:
    """Write the results beside their place first, so that half a document never stands there."""
    from reelwork.errors import ReelworkError

    in_place = output.exists() and not output.is_file()  # a device or a pipe is not to be replaced
    target = output if in_place else output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with target.open("wb") as stream:
            client.save_results(job_id, stream)
        target.replace(output)
    except OSError as error:
        raise ReelworkError(f"Cannot write {output}: {error.strerror}.") from error
    finally:
        if not in_place:
            target.unlink(missing_ok=True)


def _print_pipelines(listed: "list[Pipeline]", console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("pipeline", no_wrap=True)
    table.add_column("what it does", overflow="fold")
    for pipeline in listed:
        description = Text(pipeline.description)
        if not pipeline.available:
            description.append("\n" if pipeline.description else "")
            description.append(f"not available: {pipeline.unavailable_because}", style="yellow")
        name = Text(pipeline.name, style="bold green" if pipeline.available else "dim")
        table.add_row(name, description)
    console.print(table)


def _stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _complain(message: str) -> None:
    typer.secho(message, fg=typer.colors.RED, err=True)
