"""Eight processes that write to one SQLite file: taking turns, against SQLite's own waiting.

Asked of Reelwork: no lock error, and no writer that waits longer than 250 ms.
"""

import sqlite3
import time
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import text

from benchmarks.databases import opened, sqlite_url
from benchmarks.processes import all_of
from reelwork.db.engine import Database
from reelwork.errors import ServiceUnavailable

_WRITERS = 8
_DURATION_S = 60.0
_WRITE = "UPDATE queue_entry SET position = position + 1"


def run() -> None:
    """Measure and print."""
    for way, work in (("Reelwork", _taking_turns), ("BEGIN IMMEDIATE alone", _trying_again)):
        with sqlite_url() as url:
            with opened(url) as database, database.writing() as transaction:
                transaction.execute(text("INSERT INTO queue_entry (position, job_id) VALUES (0, 'x')"))
            _print(way, all_of(_WRITERS, work, url))


def _print(way: str, answers: list[tuple[int, float, int]]) -> None:
    counts = sorted(count for count, _, _ in answers)
    worst_ms = 1000 * max(longest_s for _, longest_s, _ in answers)
    errors = sum(errors for _, _, errors in answers)
    rate = sum(counts) / _DURATION_S
    print(
        f"{way:22} {_WRITERS} writers: {rate:6.0f} commits/s, slowest {counts[0]}, fastest {counts[-1]} "
        f"(x{counts[-1] / max(counts[0], 1):.2f}), worst wait {worst_ms:.0f} ms, lock errors {errors}"
    )


def _taking_turns(connection: "Connection[Any, Any]", url: str) -> None:
    with opened(url) as database:

        def write() -> None:
            with database.writing() as transaction:
                transaction.connection.exec_driver_sql(_WRITE)

        connection.send(_write_on(connection, write, ServiceUnavailable))


def _trying_again(connection: "Connection[Any, Any]", url: str) -> None:
    path = Database(url).engine.url.database or ""
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = FULL")

        def write() -> None:
            database.execute("BEGIN IMMEDIATE")
            database.execute(_WRITE)
            database.execute("COMMIT")

        connection.send(_write_on(connection, write, sqlite3.OperationalError))


def _write_on(connection: "Connection[Any, Any]", write: Any, lock_error: type[Exception]) -> tuple[int, float, int]:
    connection.send("ready")
    connection.recv()
    count, longest_s, errors = 0, 0.0, 0
    end = time.monotonic() + _DURATION_S
    while (began := time.monotonic()) < end:
        try:
            write()
            count += 1
        except lock_error:
            errors += 1
        longest_s = max(longest_s, time.monotonic() - began)
    return count, longest_s, errors
