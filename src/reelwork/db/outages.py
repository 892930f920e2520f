"""What the drivers raise, turned into what Reelwork's callers can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reelwork.errors import ConfigurationError, ServiceUnavailable, StorageFull

# A full disk shows as the former when it meets the database, as the latter when it meets the WAL's index.
_SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)


@contextmanager
def answering() -> Iterator[None]:
    """Tell a database that does not answer, one that is full and one without its tables apart from mistakes.

    Raises:
        StorageFull: It has no room left.
        ServiceUnavailable: It does not answer, or not in time.
        ConfigurationError: It lacks a table or a column.
    """
    try:
        yield
    except DBAPIError as error:
        raise _told(error) from error
    except sqlite3.OperationalError as error:
        raise _told_of_sqlite(error) or error from error
    except (DisconnectionError, PoolTimeout) as error:
        raise _no_answer() from error


def _told(error: DBAPIError) -> Exception:
    cause = error.orig
    if isinstance(cause, psycopg.errors.DiskFull):
        return _full()
    if isinstance(cause, _MISSING):
        return _missing()
    if isinstance(cause, sqlite3.OperationalError):
        return _told_of_sqlite(cause) or error
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return _no_answer()
    return error


def _told_of_sqlite(error: sqlite3.OperationalError) -> Exception | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code in _SQLITE_FULL:
        return _full()
    if code != sqlite3.SQLITE_ERROR:
        return _no_answer()
    # The one code of every mistake in a statement; only the text tells them apart.
    return _missing() if str(error).startswith(("no such table", "no such column")) else None


def _full() -> StorageFull:
    return StorageFull("The database has no room left.")


def _missing() -> ConfigurationError:
    return ConfigurationError(
        "The database lacks a table or a column this version of Reelwork needs. "
        "Run `reelwork migrate` with the same REELWORK_DATABASE_URL."
    )


def _no_answer() -> ServiceUnavailable:
    return ServiceUnavailable("The database does not answer.")
