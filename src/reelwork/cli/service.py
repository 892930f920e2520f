"""The commands that run the service and look after it: up, serve, worker, migrate, rescue."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="REELWORK_DATA_DIR",
        show_default="your user data directory",
        help="Database, files, pipelines and models live here. Give the API and the workers the same.",
    ),
]
Host = Annotated[
    str | None,
    typer.Option("--host", envvar="REELWORK_HOST", show_default="127.0.0.1", help="Address to listen on."),
]
Port = Annotated[
    int | None,
    typer.Option("--port", envvar="REELWORK_PORT", show_default="8000", help="Port; 0 takes a free one."),
]
AllowAnyone = Annotated[
    bool,
    typer.Option(
        "--allow-anyone",
        envvar="REELWORK_ALLOW_ANYONE",
        help="Serve an address that others can reach without asking for API keys.",
    ),
]
StopWithStdin = Annotated[bool, typer.Option("--stop-with-stdin", hidden=True)]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(up)
    app.command()(serve)
    app.command()(worker)
    app.command()(migrate)
    app.command()(rescue)


def up(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many workers to run.")] = 1,
    allow_anyone: AllowAnyone = False,
) -> None:
    """Run everything: database, API and workers. Ctrl-C stops all of it.

    Example: reelwork up --port 8000 --data-dir ./reelwork-data
    """
    from reelwork.bootstrap.access import require_key
    from reelwork.bootstrap.foundation import open_foundation
    from reelwork.cli.processes import ServiceProcesses
    from reelwork.logs import configure_logging
    from reelwork.settings import Settings
    from reelwork.worker.stop import StopRequest

    configure_logging()
    settings = Settings.load(host=host, port=port, data_dir=data_dir, allow_anyone=allow_anyone or None)
    database = open_foundation(settings).database
    require_key(settings, database)
    database.close()
    stop = StopRequest(settings.shutdown_grace_s)
    stop.listen()
    sys.exit(ServiceProcesses(settings, workers, stop).run())


def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    allow_anyone: AllowAnyone = False,
    stop_with_stdin: StopWithStdin = False,
) -> None:
    """Run the HTTP API alone. Jobs wait until a worker runs: see `reelwork worker`.

    Example: reelwork serve --port 8000 --data-dir ./reelwork-data
    """
    from reelwork.cli.server import serve_api
    from reelwork.logs import configure_logging
    from reelwork.settings import Settings

    configure_logging()
    settings = Settings.load(host=host, port=port, data_dir=data_dir, allow_anyone=allow_anyone or None)
    if stop_with_stdin:
        _stop_with_stdin()
    hint = f"Jobs wait until a worker runs on the same data: reelwork worker --data-dir {settings.data_dir}"
    serve_api(settings, None if stop_with_stdin else hint)


def worker(
    data_dir: DataDir = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="How many jobs to run side by side.")] = 1,
    stop_with_stdin: StopWithStdin = False,
) -> None:
    """Run a worker: it takes accepted jobs one after the other. Start as many as you like.

    SIGTERM or Ctrl-C lets the job in hand finish within REELWORK_SHUTDOWN_GRACE_S, or hands it back;
    a second one hands it back at once.

    Example: reelwork worker --data-dir ./reelwork-data
    """
    from reelwork.bootstrap.worker import make_worker
    from reelwork.logs import configure_logging
    from reelwork.settings import Settings
    from reelwork.worker.stop import StopRequest

    configure_logging()
    settings = Settings.load(data_dir=data_dir)
    stop = StopRequest(settings.shutdown_grace_s)
    stop.listen()
    if stop_with_stdin:
        _stop_with_stdin()
    make_worker(settings, stop, concurrency).run()


def migrate(
    target: Annotated[
        str, typer.Argument(help="`head` (what this version needs), `base` (no tables) or a revision.")
    ] = "head",
    data_dir: DataDir = None,
    lose_data: Annotated[
        bool, typer.Option("--lose-data", help="Go down even if data is lost that the older tables have no place for.")
    ] = False,
) -> None:
    """Bring the database up to what this version needs, or down to an older revision.

    The embedded database is brought up by itself when the service starts. Down goes only what loses nothing:
    otherwise the command says what would be lost, and changes nothing. Stop the service before going down.

    Example: REELWORK_DATABASE_URL=postgresql://... reelwork migrate

    Example: reelwork migrate 0006 --lose-data
    """
    from reelwork.bootstrap.foundation import open_database
    from reelwork.db import migrate as migrations
    from reelwork.settings import Settings

    database = open_database(Settings.load(data_dir=data_dir))
    before = migrations.current_revision(database)
    migrations.migrate(database, target, lose_data=lose_data)
    typer.echo(f"{before or 'base'} -> {migrations.current_revision(database) or 'base'}")


def rescue(
    data_dir: DataDir = None,
    orphan_age_s: Annotated[
        float | None,
        typer.Option(
            "--orphan-age-s",
            min=0,
            show_default="REELWORK_ORPHAN_AGE_S",
            help="Remove files without a job that are so old; 0 only while nothing is being uploaded.",
        ),
    ] = None,
    remove_foreign: Annotated[
        bool,
        typer.Option("--remove-foreign", help="Remove files even if not one of all belongs to a job of this database."),
    ] = False,
) -> None:
    """Repair what killed processes left behind. Workers do it by themselves; this does it now.

    It takes jobs from workers that are gone, removes ended jobs that are older than REELWORK_RETENTION_S,
    and removes files that belong to no job of this database. If not one stored file does, it removes none:
    the database may be the wrong one.

    Example: reelwork rescue --data-dir ./reelwork-data
    """
    from reelwork.bootstrap.worker import make_rescue
    from reelwork.errors import ConfigurationError
    from reelwork.logs import configure_logging
    from reelwork.settings import Settings

    configure_logging()
    done = make_rescue(Settings.load(data_dir=data_dir), orphan_age_s).run(remove_foreign=remove_foreign)
    told = [
        _counted(done.handed_back + done.failed, "job", "taken from lost workers"),
        _counted(done.expired, "ended job", "removed"),
        _counted(done.uploads, "abandoned upload", "removed"),
        _counted(done.orphans, "file", "without a job removed"),
        _counted(done.unfinished, "unfinished file", "removed"),
    ]
    if any(told) or not done.foreign:
        typer.echo(", ".join(filter(None, told)) or "Nothing had to be repaired.")
    if done.foreign:
        raise ConfigurationError(_foreign(done.foreign))


def _foreign(count: int) -> str:
    return (
        f"{_counted(count, 'file', 'without a job left alone')}: not one stored file belongs to a job of this "
        "database, so it may be the wrong one. Check --data-dir, REELWORK_DATABASE_URL and REELWORK_STORAGE_URL; "
        "if they are right, `reelwork rescue --remove-foreign` removes the files."
    )


def _counted(count: int, noun: str, what: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'} {what}" if count else ""


def _stop_with_stdin() -> None:
    """End when the process that started this one does, however it ends: its end of the pipe closes then."""

    def wait_for_the_end() -> None:
        # Not sys.stdin: the interpreter cannot end while a thread holds its buffer's lock.
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_the_end, name="stop-with-stdin", daemon=True).start()
