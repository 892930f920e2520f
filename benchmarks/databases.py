"""Databases to measure: fresh, migrated, on a disk and as durable as in production."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from tests.support.postgresql import PostgresqlServer


@contextmanager
def sqlite_url() -> Iterator[str]:
    """Give the URL of an SQLite file for the time of the context."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/reelwork.db"
        _migrate(url)
        yield url


@contextmanager
def postgresql_url() -> Iterator[str]:
    """Give the URL of a database on a PostgreSQL server with its own defaults for the time of the context."""
    server = PostgresqlServer.start({"max_wal_size": "4GB"}, Path(tempfile.gettempdir()))
    try:
        url = server.url(server.create_database())
        _migrate(url)
        yield url
    finally:
        server.stop()


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a database and close it again."""
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def _migrate(url: str) -> None:
    with opened(url) as database:
        migrate(database)
