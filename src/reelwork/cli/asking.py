"""What the commands that talk to a service have in common: where it is, who calls, and several jobs at once."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from reelwork.cli.exits import ExitCode, complain
from reelwork.errors import ReelworkError

if TYPE_CHECKING:
    from reelwork.client import Client, Job

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="REELWORK_URL", show_default="http://127.0.0.1:8000", help="Where the service is."),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="REELWORK_API_KEY",
        show_default=False,
        help="The API key, if the service asks for one. Other users of this machine can read command lines: "
        "better set the variable.",
    ),
]
COMPLETION_S = 1.0
"""How long anybody is kept waiting for a completion."""

_MOST_COMPLETED = 50

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read, and nothing else.")]


def _jobs_begun(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    return _completed(ctx, incomplete, _newest_jobs)


def pipelines_begun(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Complete the name of a pipeline."""
    return _completed(ctx, incomplete, _pipelines)


JobId = Annotated[
    UUID,
    typer.Argument(
        metavar="JOB", show_default=False, help="What `reelwork submit` printed.", autocompletion=_jobs_begun
    ),
]
JobIds = Annotated[
    list[UUID],
    typer.Argument(
        metavar="JOB...", show_default=False, help="What `reelwork submit` printed.", autocompletion=_jobs_begun
    ),
]


@contextmanager
def connected(url: str | None, api_key: str | None) -> Iterator["Client"]:
    """Give a client of the service."""
    from reelwork.client import Client

    with Client(url, api_key) as client:
        yield client


def print_json(document: Any) -> None:
    """Print a document on one line."""
    typer.echo(json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str))


class Tally:
    """Several things done one after the other, of which one that goes wrong does not keep back the others."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._count = 0
        self._wrong: list[ExitCode] = []

    def went_right(self) -> None:
        """Note one that did."""
        self._count += 1

    def went_wrong(self, name: dict[str, str], error: str | ReelworkError, code: ExitCode = ExitCode.FAILED) -> None:
        """Note one that did not, and say why; ``name`` is what it is called, and in JSON what is known of it."""
        self._count += 1
        self._wrong.append(code)
        complain(f"{next(iter(name.values()))}: {error}")
        if self._as_json:
            print_json({**name, "error": _told(error)})

    def exit(self) -> None:
        """End the command as it went.

        Raises:
            typer.Exit: Something went wrong.
        """
        if self._wrong:
            alike = len({*self._wrong}) == 1 and len(self._wrong) == self._count
            raise typer.Exit(self._wrong[0] if alike else ExitCode.PARTLY)


def each_job(
    job_ids: Iterable[UUID], url: str | None, api_key: str | None, as_json: bool, work: "Callable[[Job], str]"
) -> None:
    """Do something with each job; ``work`` returns what it did in a word."""
    from reelwork.client import ServiceProblem

    tally = Tally(as_json)
    with connected(url, api_key) as client:
        for job_id in job_ids:
            try:
                done = work(client.job(job_id))
            except ServiceProblem as problem:
                tally.went_wrong({"job_id": str(job_id)}, problem)
            else:
                tally.went_right()
                print_json({"job_id": str(job_id), done: True}) if as_json else typer.echo(f"{job_id} {done}")
    tally.exit()


def _told(error: str | ReelworkError) -> Any:
    document: dict[str, Any] | None = getattr(error, "document", None)
    return document or {"detail": str(error)}


def _completed(
    ctx: typer.Context, incomplete: str, ask: "Callable[[Client], list[tuple[str, str]]]"
) -> list[tuple[str, str]]:
    """Return what begins so, with a word about it; without a service there is nothing to complete."""
    from reelwork.client import Client

    try:
        with Client(ctx.params.get("url"), ctx.params.get("api_key"), timeout_s=COMPLETION_S) as client:
            return [known for known in ask(client) if known[0].startswith(incomplete)]
    except ReelworkError:
        return []


def _newest_jobs(client: "Client") -> list[tuple[str, str]]:
    newest = islice(client.jobs(page_size=_MOST_COMPLETED), _MOST_COMPLETED)
    return [(str(entry.job_id), f"{entry.status} {entry.pipeline}") for entry in newest]


def _pipelines(client: "Client") -> list[tuple[str, str]]:
    return [(pipeline.name, pipeline.description) for pipeline in client.pipelines()]
