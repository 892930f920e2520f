"""What commands show to people: tables on standard output. Nothing a video or a client says steers the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelwork.cli.account import printable

if TYPE_CHECKING:
    from reelwork.client import Pipeline

_COLOURS = {"completed": "green", "failed": "red", "running": "cyan", "pending": "yellow"}


def print_jobs(entries: Iterable[Mapping[str, Any]]) -> None:
    """Print a row for each job, and below its id by what its client knows it; 80 columns are enough."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("job", "status", "pipeline", "submitted"):
        table.add_column(column, no_wrap=True)
    for entry in entries:
        job = Text(entry["job_id"])
        if known_by := " ".join(
            filter(None, [entry.get("external_id"), *(f"#{tag}" for tag in entry.get("tags") or ())])
        ):
            job.append(f"\n  {printable(known_by)}", style="dim")
        status = Text(entry["status"], style=_COLOURS.get(entry["status"], ""))
        table.add_row(job, status, entry["pipeline"], _when(entry["created_at"]))
    _console().print(table if table.row_count else "There is no such job.")


def print_details(document: Mapping[str, Any]) -> None:
    """Print what is known of a job, most of it on a line of its own."""
    told = {name: value for name, value in document.items() if name not in ("pipeline", "provenance", "links")}
    told["pipeline"] = (document.get("pipeline") or {}).get("name")
    print_facts(told)


def print_plan(name: str, plan: Mapping[str, Any]) -> None:
    """Print what would be done with a video."""
    _console().print(Text(printable(name), style="bold"))
    print_facts({key: value for key, value in plan.items() if key != "pipeline"})


def print_facts(document: Mapping[str, Any]) -> None:
    """Print names and values."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in _flat(document):
        table.add_row(name, Text(printable(str(value))))
    _console().print(table)


def print_pipelines(listed: "Sequence[Pipeline]") -> None:
    """Print a row for each pipeline."""
    table = _table("pipeline", "what it does")
    for pipeline in listed:
        description = Text(pipeline.description)
        if not pipeline.available:
            description.append("\n" if pipeline.description else "")
            description.append(f"not available: {pipeline.unavailable_because}", style="yellow")
        table.add_row(Text(pipeline.name, style="bold green" if pipeline.available else "dim"), description)
    _console().print(table)


def _known_by(entry: Mapping[str, Any]) -> str:
    names = [entry["external_id"]] if entry.get("external_id") else []
    return " ".join([*names, *(f"#{tag}" for tag in entry.get("tags") or ())])


def _flat(document: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            yield from ((f"{before}{name}", item) for item in value)
        elif value is not None and value != "":
            yield f"{before}{name}", value


def _when(written: str) -> str:
    return datetime.fromisoformat(written).astimezone().strftime("%Y-%m-%d %H:%M")


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _console() -> Console:
    return Console(highlight=False, markup=False)
