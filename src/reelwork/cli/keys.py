"""The commands that look after API keys: keys add, list, revoke. They work on the database, not on a service."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reelwork.cli.service import DataDir

if TYPE_CHECKING:
    from reelwork.access.caller import Scope
    from reelwork.access.model import ApiKey
    from reelwork.access.store import KeyStore

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]

_DEFAULT_SCOPES = "read,submit"


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    keys = typer.Typer(no_args_is_help=True, help="API keys: make, list and revoke them.")
    keys.command("add")(add)
    keys.command("list")(show)
    keys.command("revoke")(revoke)
    app.add_typer(keys, name="keys")


def add(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", show_default=False, help="Who or what uses the key: for you to tell them by."),
    ],
    scopes: Annotated[
        str, typer.Option("--scopes", help="Of read, submit and admin, with commas. admin: everybody's jobs.")
    ] = _DEFAULT_SCOPES,
    max_queued_jobs: Annotated[
        int | None,
        typer.Option("--max-queued-jobs", min=1, show_default="any number", help="Pending and running at once."),
    ] = None,
    max_queued_bytes: Annotated[
        int | None,
        typer.Option("--max-queued-bytes", min=1, show_default="any number", help="Size of their videos together."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it, this once: only a digest of it is kept.

    A key that submits needs `read` as well to see what becomes of its jobs.

    Example: reelwork keys add laboratory --max-queued-jobs 100
    """
    from reelwork.access.caller import QueueLimits

    chosen = _scopes(scopes)
    key = _store(data_dir).make(name, chosen, QueueLimits(max_queued_jobs, max_queued_bytes))
    if as_json:
        typer.echo(json.dumps({"key_id": key.key_id, "key": str(key), "name": name, "scopes": chosen}))
        return
    typer.secho("Keep it now; it is not shown again.", err=True)
    typer.echo(str(key))


def show(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the keys, the oldest first, without their secrets.

    Example: reelwork keys list
    """
    keys = _store(data_dir).list()
    if as_json:
        typer.echo(json.dumps([_document(key) for key in keys]))
        return
    for key in keys:
        typer.echo(_line(key))
    if not keys:
        typer.secho("There is no key. Make one: reelwork keys add NAME", err=True)


def revoke(
    key_id: Annotated[
        str, typer.Argument(metavar="KEY_ID", show_default=False, help="Its id, as `reelwork keys list` shows it.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Make a key good for nothing; services refuse it within a few seconds. Its jobs stay.

    Exits with 1 if there is no such key, or if it was revoked before.

    Example: reelwork keys revoke 7hT2kQ9fLmXa
    """
    from reelwork.access.keys import parse_key
    from reelwork.errors import ReelworkError

    # Who pastes the whole key means it, and must not find its secret in an error.
    key = parse_key(key_id)
    if not _store(data_dir).revoke(key.key_id if key else key_id):
        raise ReelworkError(f"No key in force has the id {key.key_id if key else key_id}. See: reelwork keys list")
    typer.echo(f"{key.key_id if key else key_id} is revoked.")


def _store(data_dir: Any) -> "KeyStore":
    from reelwork.bootstrap.access import open_keys
    from reelwork.settings import Settings

    return open_keys(Settings.load(data_dir=data_dir))


def _scopes(text: str) -> "list[Scope]":
    from reelwork.access.caller import Scope

    names = text.replace(",", " ").split()
    unknown = [name for name in names if name not in list(Scope)]
    if unknown or not names:
        raise typer.BadParameter(f"{', '.join(unknown) or 'none'}: choose of {', '.join(Scope)}", param_hint="--scopes")
    return sorted({Scope(name) for name in names})


def _document(key: "ApiKey") -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": key.scopes.split(),
        "max_queued_jobs": key.max_queued_jobs,
        "max_queued_bytes": key.max_queued_bytes,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _line(key: "ApiKey") -> str:
    limits = [
        f"at most {most} queued {unit}"
        for most, unit in ((key.max_queued_jobs, "jobs"), (key.max_queued_bytes, "bytes"))
        if most is not None
    ]
    revoked = [f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"] if key.revoked_at else []
    about = ", ".join([key.scopes.replace(" ", "+"), *limits, f"made {key.created_at:%Y-%m-%d}", *revoked])
    return f"{key.key_id}  {key.name}  ({about})"
