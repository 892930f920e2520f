"""The command line: `reelwork`."""

import sys
from typing import Annotated

import typer

from reelwork import __version__
from reelwork.cli import analyze, doctor, jobs, service, webhooks
from reelwork.errors import ReelworkError

app = typer.Typer(
    name="reelwork",
    help="Find out what is in your videos: submit an MP4, get an answer for every analysed frame.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
service.add_commands(app)
analyze.add_commands(app)
jobs.add_commands(app)
webhooks.add_commands(app)
doctor.add_commands(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; a deliberate error is one red sentence and exit code 1."""
    try:
        app()
    except ReelworkError as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(1)
