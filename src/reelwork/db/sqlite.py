"""SQLite as Reelwork uses it: WAL, durable commits, foreign keys, writers that take turns."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from reelwork.db.file_systems import require_local
from reelwork.db.turns import WriterTurns
from reelwork.errors import ConfigurationError

WRITING = "reelwork_writing"
"""Execution option of connections that write; its value is how their commits are synced."""

_BUSY_TIMEOUT_MS = 10_000


def sqlite_engine(url: URL) -> Engine:
    """Make the engine of a file; its directory is made too.

    Raises:
        ConfigurationError: The directory cannot be made, or lies on a network file system.
    """
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The database's directory {path.parent} cannot be made: {error.strerror}.") from error
    require_local(path)
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


class SqliteFile:
    """What goes beyond one connection: whose turn it is to write, and WAL, which is a property of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._turns = WriterTurns(Path(f"{self.path}.lock"))
        self._has_wal = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writers' turn."""
        self.switch_to_wal()
        with self._turns.turn():
            yield

    def switch_to_wal(self) -> None:
        """Make sure the file is in WAL mode.

        The switch is a write, and one of the few that fail at once when another does the same, so that of
        many who open a new file together some would fail; therefore it is not left to each connection.
        """
        if self._has_wal:
            return
        with closing(sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_MS / 1000)) as connection:
            if not _is_wal(connection):
                with self._turns.turn():
                    connection.execute("PRAGMA journal_mode = WAL")
        self._has_wal = True


def _is_wal(connection: sqlite3.Connection) -> bool:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return bool(mode == "wal")


def _configure(connection: Any, record: object) -> None:
    # sqlite3 would begin transactions by itself, too late for IMMEDIATE and not at all for DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    synchronous = connection.get_execution_options().get(WRITING)
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
        return
    if connection.info.get(WRITING) != synchronous:  # it may come from a transaction of the other kind
        connection.exec_driver_sql(f"PRAGMA synchronous = {synchronous}")
        connection.info[WRITING] = synchronous
    # A reader that turns writer half way fails at once when another wrote meanwhile; IMMEDIATE waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
