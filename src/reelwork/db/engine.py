"""One way to open the database and to run a transaction on it, for SQLite and PostgreSQL alike."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session

from reelwork.errors import ConfigurationError, ServiceUnavailable

_BUSY_TIMEOUT_MS = 10_000
_WRITING = "reelwork_writing"
_WRONG_URL = (
    "The database URL must be postgresql://... or sqlite:////absolute/path.db "
    "(a relative or in-memory SQLite would differ between the API and the worker)."
)


class Base(DeclarativeBase):
    """Base of all tables."""


class Database:
    """A database by URL.

    Use ``reading()`` and ``writing()``: each is one transaction, committed at the end of the block and
    rolled back when it raises. Nothing else may begin one.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        path = self.engine.url.database if self.is_sqlite else None
        self._lock_path = Path(f"{path}.lock") if path else None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Run a transaction that only reads."""
        with _answering(), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Run a transaction that writes; what it wrote is durable when the block ends."""
        session = Session(self._writing_engine(), expire_on_commit=False)
        with _answering(), self._turn(), session, session.begin():
            yield session

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Hold a connection that no other process migrates beside."""
        with _answering(), self._turn(), self._writing_engine().connect() as connection, connection.begin():
            if not self.is_sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7233178210)")
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _writing_engine(self) -> Engine:
        return self.engine.execution_options(**{_WRITING: True})

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for this writer's turn.

        SQLite has one writer at a time and lets the others try again and again, so that some of them
        starve. A file lock queues them.
        """
        if self._lock_path is None:
            yield
            return
        try:
            lock = self._lock_path.open("a")
        except OSError as error:
            raise ServiceUnavailable("The database directory cannot be written to.") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    path = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or not path.is_absolute():
        raise ConfigurationError(_WRONG_URL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"The database's directory {path.parent} cannot be made: {error.strerror}.") from error
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(_WRONG_URL) from error


def _configure_sqlite(connection: Any, record: object) -> None:
    # sqlite3 would begin transactions by itself, too late for IMMEDIATE and not at all for DDL.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer half way fails at once when another wrote meanwhile; IMMEDIATE waits.
    writing = connection.get_execution_options().get(_WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def _answering() -> Iterator[None]:
    """Turn a database that does not answer into ``ServiceUnavailable``."""
    try:
        yield
    except (OperationalError, DisconnectionError, PoolTimeout) as error:
        raise ServiceUnavailable("The database does not answer.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise ServiceUnavailable("The database does not answer.") from error
        raise
