"""`reelwork doctor`: look at a set-up and say what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reelwork.cli.service import DataDir

if TYPE_CHECKING:
    from reelwork.bootstrap.doctor import Finding


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(doctor)


def doctor(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """Look at this set-up part by part, and say what is wrong and what to do.

    Run it with the settings of the service, as the user it runs as. The exit code is 0 if nothing failed, warnings
    or not, and 1 if something did.

    Example: reelwork doctor --data-dir ./reelwork-data
    """
    findings = _found(data_dir)
    failed = any(finding.verdict == "failed" for finding in findings)
    if as_json:
        document = {"status": "failed" if failed else "ok", "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_table(findings)
    raise typer.Exit(int(failed))


def _found(data_dir: Path | None) -> "Sequence[Finding]":
    from reelwork.bootstrap.doctor import Finding, Verdict, examine
    from reelwork.errors import ConfigurationError
    from reelwork.logs import configure_logging
    from reelwork.settings import Settings

    configure_logging()
    try:
        settings = Settings.load(data_dir=data_dir)
    except ConfigurationError as error:
        return [Finding("settings", Verdict.FAILED, str(error), "docs/reference/settings.md has every setting.")]
    return [Finding("settings", Verdict.OK, "every one can be used"), *examine(settings)]


def _print_table(findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "warning": "yellow", "failed": "red"}
    table = Table(box=None, pad_edge=False)
    for title in ("part", "", "found"):
        table.add_column(title, overflow="fold")
    for finding in findings:
        colour = colours[finding.verdict]
        advice = f"\n[bold]→ {escape(finding.advice)}[/]" if finding.advice else ""
        table.add_row(finding.part, f"[{colour}]{finding.verdict}[/]", escape(finding.found) + advice)
    Console().print(table)
