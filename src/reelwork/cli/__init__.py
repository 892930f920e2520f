"""The command line: `reelwork`."""

from typing import Annotated

import typer

from reelwork import __version__
from reelwork.cli import analyze, catalog, doctor, exits, jobs, keys, results, service, submit, webhooks

app = typer.Typer(
    name="reelwork",
    help="Find out what is in your videos: submit an MP4, get an answer for every analysed frame.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: what draws boxes around it takes longer to load than everything else together.
    rich_markup_mode=None,
)
service.add_commands(app)
analyze.add_commands(app)
submit.add_commands(app)
jobs.add_commands(app)
results.add_commands(app)
catalog.add_commands(app)
keys.add_commands(app)
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
    """Run the command line; a deliberate error is one red sentence and an exit code."""
    exits.run(app)
