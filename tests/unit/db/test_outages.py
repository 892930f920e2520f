"""What a caller is told when the database cannot do what it should."""

import sqlite3

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reelwork.db.engine import Database
from reelwork.db.outages import answering
from reelwork.errors import ConfigurationError, ServiceUnavailable, StorageFull
from tests.support.databases import rows, run


class TestAFullDatabase:
    def test_of_sqlite(self, sqlite_database: Database) -> None:
        """The limit stands in for the disk: SQLite says the same of both."""

        def fill() -> None:
            with sqlite_database.writing() as transaction:
                connection = transaction.connection
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
                connection.exec_driver_sql("CREATE TABLE large AS SELECT randomblob(1000000) AS bytes")

        with pytest.raises(StorageFull, match=r"^The database has no room left\.$"):
            fill()
        assert rows(sqlite_database, "SELECT name FROM sqlite_schema WHERE name = 'large'") == []

    def test_of_postgresql(self, postgresql_database: Database) -> None:
        with pytest.raises(StorageFull, match=r"^The database has no room left\.$"):
            run(postgresql_database, "DO $$ BEGIN RAISE disk_full; END $$")

    def test_where_the_log_of_sqlite_cannot_grow(self) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        with pytest.raises(StorageFull), answering():
            raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, error)


class TestAMissingTable:
    @pytest.mark.parametrize("statement", ["SELECT * FROM no_such", "SELECT no_such FROM queue_entry"])
    def test_is_no_outage(self, database: Database, statement: str) -> None:
        with pytest.raises(ConfigurationError, match="Run `reelwork migrate`"):
            rows(database, statement)

    def test_a_mistake_in_a_statement_is_told_as_it_is(self, database: Database) -> None:
        with pytest.raises(DBAPIError, match="syntax error"):
            rows(database, "SELEC 1")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (sqlite3.SQLITE_BUSY, "database is locked"),
        (sqlite3.SQLITE_CANTOPEN, "unable to open database file"),
        (sqlite3.SQLITE_READONLY, "attempt to write a readonly database"),
        (sqlite3.SQLITE_IOERR_READ, "disk I/O error"),
    ],
)
def test_an_outage_of_sqlite(code: int, text: str) -> None:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    for raised in (error, sa.exc.OperationalError("SELECT 1", None, error)):
        with pytest.raises(ServiceUnavailable, match=r"^The database does not answer\.$") as caught, answering():
            raise raised
        assert type(caught.value) is ServiceUnavailable
        assert caught.value.__cause__ is raised


def test_an_outage_of_postgresql() -> None:
    error = psycopg.errors.CannotConnectNow("the database system is starting up")
    with pytest.raises(ServiceUnavailable), answering():
        raise sa.exc.OperationalError("SELECT 1", None, error)
