"""Processes that wait for jobs as a worker does, and tell of each when they had it.

Each sends its process id once it waits, and then for every job what it had when, on the monotonic clock.
"""

import asyncio
import os
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import procrastinate

from benchmarks.databases import opened
from benchmarks.other_queues import conninfo, huey_on, huey_task, procrastinate_task
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue

ID_IN_HAND = "id in hand"
CLAIMED = "claimed"
_TIMEOUT_S = 1.0
_LEASE_S = 3600.0


def wait_by_reelwork(connection: "Connection[Any, Any]", url: str) -> None:
    """Dequeue with the time limit of a worker, and claim."""
    with opened(url) as database, suppress(BrokenPipeError, ConnectionResetError):
        queue = DatabaseQueue(database)
        store = JobStore(database, queue)
        connection.send(os.getpid())
        while True:
            if (job_id := queue.dequeue(_TIMEOUT_S)) is not None:
                found_at = time.monotonic()
                assert store.claim(job_id, "benchmark", _LEASE_S)
                connection.send({ID_IN_HAND: found_at, CLAIMED: time.monotonic()})


def wait_by_huey(connection: "Connection[Any, Any]", path: Path) -> None:
    """Run huey's consumer as it comes: one thread polls after 0.1 s, and 15 % later each time it finds nothing."""
    huey = huey_on(path)
    huey_task(huey, lambda: connection.send({CLAIMED: time.monotonic()}))
    connection.send(os.getpid())
    huey.create_consumer().run()


def wait_by_procrastinate(connection: "Connection[Any, Any]", url: str) -> None:
    """Run procrastinate's worker as it comes: it listens for notifications, and polls every 5 s."""
    asyncio.run(_work(connection, url))


async def _work(connection: "Connection[Any, Any]", url: str) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo(url)))

    async def note() -> None:
        connection.send({CLAIMED: time.monotonic()})

    procrastinate_task(app, note)
    async with app.open_async():
        connection.send(os.getpid())
        await app.run_worker_async()
