"""The commands about webhooks."""

import typer


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True)
    group.callback()(_group)
    group.command()(secret)
    app.add_typer(group, name="webhooks")


def _group() -> None:
    """Set webhooks up: requests that tell your systems that a job is over."""


def secret() -> None:
    """Print a new secret to sign webhooks with: give it to the API as REELWORK_WEBHOOK_SECRET, and to receivers.

    To change over from another, give the API both for a while, with a space between them.

    Example: export REELWORK_WEBHOOK_SECRET=$(reelwork webhooks secret)
    """
    from reelwork.webhooks.signatures import make_secret

    typer.echo(make_secret())
