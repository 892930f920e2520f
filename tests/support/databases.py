"""Databases for tests: each test has one to itself, on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import QueuePool, text

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from tests.support.postgresql import PostgresqlServer
from tests.support.waiting import wait_until


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a database, and close it when no thread asks any more: the connection it holds would stay open."""
    database = Database(url)
    try:
        yield database
    finally:
        pool = database.engine.pool
        assert isinstance(pool, QueuePool)
        wait_until(lambda: pool.checkedout() == 0)
        database.close()


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path.absolute()}"


class SqliteFiles:
    """Fresh SQLite files; the migrations run once, and their outcome is copied."""

    def __init__(self, directory: Path) -> None:
        self._template = directory / "template.db"
        with opened(sqlite_url(self._template)) as database:
            migrate(database)

    def migrated(self, path: Path) -> str:
        """Make a migrated database at ``path``; return its URL."""
        shutil.copyfile(self._template, path)
        return sqlite_url(path)


class PostgresqlDatabases:
    """Fresh databases on a PostgreSQL server; the migrations run once, and their outcome is copied."""

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server
        self._template = server.create_database()
        with opened(server.url(self._template)) as database:
            migrate(database)

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """Give the URL of a migrated database for the time of the context."""
        with self._database(self._template) as url:
            yield url

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Give the URL of an empty database for the time of the context."""
        with self._database("template1") as url:
            yield url

    @contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = self._server.create_database(template)
        try:
            yield self._server.url(name)
        finally:
            self._server.drop_database(name)


def rows(database: Database, statement: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a plain SELECT."""
    with database.reading() as transaction:
        return [dict(row) for row in transaction.execute(text(statement), parameters).mappings()]


def run(database: Database, statement: str, **parameters: Any) -> int:
    """Run a plain statement that writes, past the store and its guards; return how many rows it touched."""
    with database.writing() as transaction:
        return transaction.execute(text(statement), parameters).rowcount  # type: ignore[attr-defined,no-any-return]
