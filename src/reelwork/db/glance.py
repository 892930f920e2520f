"""Reads that take microseconds and wait for nothing, for a thread that must not be held up."""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Dialect, Select
from sqlalchemy.types import TypeEngine

from reelwork.db.process_guard import ProcessGuard

_Convert = Callable[[Any], Any]


class Glance:
    """One query of a SQLite file, made ready once.

    In WAL mode readers wait for nobody, but at the rare moments when the log is begun anew or repaired; then the
    answer is that there is none now. The connection is this query's own: none has to be fetched and given back.
    """

    def __init__(self, path: Path, statement: Select[Any], dialect: Dialect, guard: ProcessGuard) -> None:
        compiled = statement.compile(dialect=dialect)
        self._path = path
        self._guard = guard
        self._sql = str(compiled)
        self._given = [
            (name, _converter(compiled.binds[name].type, dialect, "bind")) for name in compiled.positiontup or ()
        ]
        self._columns = [_converter(column.type, dialect, "result") for column in statement.selected_columns]
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def rows(self, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]] | None:
        """Return the rows, or None where that would mean waiting or fails."""
        self._guard.check()
        given = [convert(parameters[name]) for name, convert in self._given]
        with self._mutex:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                found = self._connection.execute(self._sql, given).fetchall()
            except sqlite3.Error:
                self._close()
                return None
        return [tuple(convert(value) for convert, value in zip(self._columns, row, strict=True)) for row in found]

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._mutex:
            self._close()

    def _connect(self) -> sqlite3.Connection:
        # One that is not there is not to be made.
        uri = f"{self._path.as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _converter(kind: TypeEngine[Any], dialect: Dialect, which: str) -> _Convert:
    fitting = kind.dialect_impl(dialect)
    convert = fitting.bind_processor(dialect) if which == "bind" else fitting.result_processor(dialect, None)
    return convert or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
