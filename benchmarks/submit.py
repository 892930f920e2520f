"""Accepted jobs a second, each durable before the client goes on, by the number of clients.

Each client is a process with a connection of its own and submits one job after the other.

- Reelwork: a row with its frozen pipeline and its hint in one transaction. On SQLite the writers take turns.
- huey: one message. The writers wait as SQLite makes them: whoever holds the lock mostly gets it again while the
  others sleep, which is quick for all of them together and slow for some. Clients that waited in vain are counted.
- procrastinate: one row, and the event and the notifications of its triggers.
"""

import sqlite3
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.other_queues import (
    HUEY,
    PROCRASTINATE,
    deferring,
    huey_file,
    huey_on,
    huey_task,
    make_procrastinate_tables,
)
from benchmarks.processes import all_of
from benchmarks.rounds import in_ms, repeated_for
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.jobs import make_job

_CLIENTS = (1, 4, 8)
_DURATION_S = 4.0
_REELWORK = "Reelwork"

_Submit = Callable[[], object]
_Answers = list[tuple[list[float], int]]


def run() -> None:
    """Measure and print."""
    with sqlite_url() as sqlite, huey_file() as huey, postgresql_url() as postgresql:
        make_procrastinate_tables(postgresql)
        for clients in _CLIENTS:
            ours = all_of(clients, _add, sqlite)
            _compare("SQLite", clients, ours, HUEY, all_of(clients, _enqueue, huey))
            ours = all_of(clients, _add, postgresql)
            _compare("PostgreSQL", clients, ours, PROCRASTINATE, all_of(clients, _defer, postgresql))


def _compare(database: str, clients: int, ours: _Answers, other: str, theirs: _Answers) -> None:
    before = f"{database:10} {clients} clients"
    for name, answers in ((_REELWORK, ours), (other, theirs)):
        seconds = [one for taken, _ in answers for one in taken]
        errors = sum(errors for _, errors in answers)
        rate = len(seconds) / _DURATION_S
        print(f"{before}   {name:20} {rate:6.0f} jobs/s   {_spread(answers, seconds)}   errors {errors}")
    our_count, their_count = (sum(len(taken) for taken, _ in answers) for answers in (ours, theirs))
    print(f"{before}   jobs/s of Reelwork against {other}: {our_count / their_count:.2f}", flush=True)


def _spread(answers: _Answers, seconds: list[float]) -> str:
    counts = sorted(len(taken) for taken, _ in answers)
    fairness = f"fastest client x{counts[-1] / max(counts[0], 1):.1f} of the slowest"
    return f"{in_ms(seconds)}   worst {1000 * max(seconds):.0f} ms   {fairness}"


def _add(connection: "Connection[Any, Any]", url: str) -> None:
    with opened(url) as database:
        store = JobStore(database, DatabaseQueue(database))
        connection.send(_submit_on(connection, lambda: store.add(make_job()), ServiceUnavailable))


def _enqueue(connection: "Connection[Any, Any]", path: Path) -> None:
    connection.send(_submit_on(connection, huey_task(huey_on(path)), sqlite3.OperationalError))


def _defer(connection: "Connection[Any, Any]", url: str) -> None:
    with deferring(url) as defer:
        connection.send(_submit_on(connection, defer))


def _submit_on(
    connection: "Connection[Any, Any]", submit: _Submit, error: type[Exception] | tuple[()] = ()
) -> tuple[list[float], int]:
    """Submit when told so, for as long as a measurement takes; return the seconds of each, and how many failed."""
    submit()
    connection.send("ready")
    connection.recv()
    return repeated_for(_DURATION_S, submit, error)
