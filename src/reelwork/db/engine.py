"""One way to open the database and to run a transaction on it, for SQLite and PostgreSQL alike."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase

from reelwork.db.outages import answering
from reelwork.db.postgresql import postgresql_engine
from reelwork.db.process_guard import ProcessGuard
from reelwork.db.sqlite import WRITING, SqliteFile, sqlite_engine
from reelwork.db.transaction import Transaction
from reelwork.errors import ConfigurationError

_WRONG_URL = (
    "The database URL must be postgresql://... or sqlite:////absolute/path.db "
    "(a relative or in-memory SQLite would differ between the API and the worker)."
)


class Base(DeclarativeBase):
    """Base of all tables."""


class Database:
    """A database by URL, for use by the process that opened it.

    Use ``reading()`` and ``writing()``: each is one transaction, committed at the end of the block and
    rolled back when it raises. Nothing else may begin one. Each raises what ``answering`` says.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writing_engine = self.engine.execution_options(**{WRITING: "FULL"})
        self._careless_engine = self.engine.execution_options(**{WRITING: "NORMAL"})
        self._guard = ProcessGuard(self.engine)
        self._file = SqliteFile(Path(self.engine.url.database or "")) if self.is_sqlite else None
        self._closing: list[Callable[[], None]] = []

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Run a transaction that only reads."""
        self._guard.check()
        with answering():
            if self._file is not None:
                self._file.switch_to_wal()
            with self.engine.connect() as connection:
                yield Transaction(connection)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Run a transaction that writes; what it wrote is durable when the block ends.

        Args:
            durable: If not, a power cut may undo it some moments later, and no disk is waited for. Other
                transactions, earlier and later ones, are not endangered.
        """
        self._guard.check()
        engine = self._writing_engine if durable else self._careless_engine
        with answering(), self._turn(), engine.begin() as connection:
            if not (durable or self.is_sqlite):
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            transaction = Transaction(connection)
            yield transaction
        # Not in the writers' turn: whoever is woken by it wants that next.
        transaction.committed()

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Hold a connection that no other process migrates beside."""
        self._guard.check()
        with answering(), self._turn(), self._writing_engine.connect() as connection, connection.begin():
            if not self.is_sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7233178210)")
            yield connection

    def at_close(self, close: Callable[[], None]) -> None:
        """Have something that lives on this database closed with it."""
        self._closing.append(close)

    def close(self) -> None:
        """Close every connection; the next use opens new ones."""
        for close in self._closing:
            close()
        self.engine.dispose()

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._file is None else self._file.writing()


def _engine(url: str) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() == "postgresql":
        return postgresql_engine(parsed)
    if parsed.get_backend_name() == "sqlite" and Path(parsed.database or "").is_absolute():
        return sqlite_engine(parsed)
    raise ConfigurationError(_WRONG_URL)


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(_WRONG_URL) from error
