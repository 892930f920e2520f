"""One way to open the database and to run a transaction on it, for SQLite and PostgreSQL alike."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Executable, Select, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase

from reelwork.db.glance import Glance
from reelwork.db.outages import answering
from reelwork.db.postgresql import postgresql_engine
from reelwork.db.process_guard import ProcessGuard
from reelwork.db.shared_commits import SharedCommits, Write
from reelwork.db.sqlite import WRITING, SqliteFile, sqlite_engine
from reelwork.db.transaction import Parameters, Transaction
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
    rolled back when it raises; or ``query()`` and ``change()`` for a transaction of one statement. Nothing
    else may begin one. Each raises what ``answering`` says.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writing_engine = self.engine.execution_options(**{WRITING: "FULL"})
        self._careless_engine = self.engine.execution_options(**{WRITING: "NORMAL"})
        # To a server, one statement that is its own transaction is one round trip in place of three.
        self._autocommit_engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._guard = ProcessGuard(self.engine)
        self._file = SqliteFile(Path(self.engine.url.database or "")) if self.is_sqlite else None
        self._shared_commits = SharedCommits(self.writing)
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
    def writing(self) -> Iterator[Transaction]:
        """Run a transaction that writes; what it wrote is durable when the block ends."""
        with self._writing_on(self._writing_engine) as transaction:
            yield transaction
        # Not in the writers' turn: whoever is woken by it wants that next.
        transaction.committed()

    def write(self, write: Write) -> None:
        """Run a write of several statements: durable when this returns, and all taken back when it raises.

        SQLite has one writer at a time, so that those of several threads go into one transaction, and a write may be
        called again when another of them raised. A server's transactions share their commits by themselves.
        """
        if self.is_sqlite:
            self._shared_commits.run(write)
            return
        with self.writing() as transaction:
            write(transaction)

    def query(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Any]:
        """Run one statement that only reads; return its rows."""
        if not self.is_sqlite:
            return self._alone(statement, parameters)
        with self.reading() as transaction:
            return transaction.execute(statement, parameters).all()

    def glance(self, statement: Select[Any]) -> Glance | None:
        """Make one query ready that never waits; None where every query may: with a server."""
        if self._file is None:
            return None
        glance = Glance(self._file.path, statement, self.engine.dialect, self._guard)
        self.at_close(glance.close)
        return glance

    def change(
        self, statement: Executable, parameters: Parameters | None = None, *, durable: bool = True
    ) -> Sequence[Any]:
        """Run one statement that writes and returns rows; what it wrote is durable when this returns.

        Args:
            statement: What to run.
            parameters: What it is given.
            durable: If not, a power cut may undo it some moments later, and SQLite need not wait for the
                disk. Other transactions, earlier and later ones, are not endangered.
        """
        if not self.is_sqlite:
            return self._alone(statement, parameters)
        with self._writing_on(self._writing_engine if durable else self._careless_engine) as transaction:
            return transaction.execute(statement, parameters).all()

    def _alone(self, statement: Executable, parameters: Parameters | None) -> Sequence[Any]:
        self._guard.check()
        with answering(), self._autocommit_engine.connect() as connection:
            return connection.execute(statement, parameters).all()

    @contextmanager
    def _writing_on(self, engine: Engine) -> Iterator[Transaction]:
        self._guard.check()
        with answering(), self._turn(), engine.begin() as connection:
            yield Transaction(connection)

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
