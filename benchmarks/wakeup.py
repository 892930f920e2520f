"""How soon a waiting worker has a job's id after it was enqueued, and what the waiting costs."""

import time
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID, uuid4

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.processes import running
from benchmarks.rounds import in_ms, percentile
from reelwork.queues.database import DatabaseQueue

_TIMES = 200
_IDLE_S = 10.0
_POLL_S = 0.05
_TIMEOUT_S = 1.0


def run() -> None:
    """Measure and print."""
    with sqlite_url() as sqlite, postgresql_url() as postgresql:
        for name, url in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            wakes = {way: _wakes(url, way == "bell") for way in ("bell", "polling")}
            for way, taken in wakes.items():
                print(f"{name:10} {way:8} enqueue begun to id in hand: {in_ms(taken)}")
            ratio = percentile(wakes["polling"], 50) / percentile(wakes["bell"], 50)
            print(f"{name:10} polling every {_POLL_S * 1000:g} ms against the bell: {ratio:.1f}")
        with ExitStack() as stack:
            waiting = {
                (name, way): stack.enter_context(running(_wait, url, way == "bell"))
                for name, url in (("SQLite", sqlite), ("PostgreSQL", postgresql))
                for way in ("bell", "polling")
            }
            _print_idle_costs(waiting)


def _wakes(url: str, bell: bool) -> list[float]:
    taken = []
    with running(_wait, url, bell) as waiting, opened(url) as database:
        queue = DatabaseQueue(database)
        waiting.recv()
        for number in range(_TIMES + 20):
            time.sleep(0.003 + 0.017 * (number % 7) / 7)  # to be waited for, and to meet a poll at any moment
            job_id = uuid4()
            began = time.monotonic()
            queue.enqueue(job_id)
            found, found_at = waiting.recv()
            assert found == job_id
            taken.append(found_at - began)
    return taken[20:]


def _print_idle_costs(waiting: "dict[tuple[str, str], Connection[Any, Any]]") -> None:
    for child in waiting.values():
        child.recv()
    for child in waiting.values():
        child.send("measure")
    for (name, way), child in waiting.items():
        cpu_s, elapsed_s = child.recv()
        print(f"{name:10} {way:8} CPU of an idle worker over {elapsed_s:.0f} s: {100 * cpu_s / elapsed_s:.3f} %")


def _wait(connection: "Connection[Any, Any]", url: str, bell: bool) -> None:
    """Dequeue for ever, and tell of each id and when it came."""
    with opened(url) as database:
        queue = DatabaseQueue(database)
        queue.dequeue(0.2)  # everything is connected and compiled
        connection.send("ready")
        with suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                if connection.poll():
                    connection.recv()
                    connection.send(_idle_cost(queue, bell))
                if (job_id := _next(queue, bell)) is not None:
                    connection.send((job_id, time.monotonic()))


def _idle_cost(queue: DatabaseQueue, bell: bool) -> tuple[float, float]:
    began, cpu_s = time.monotonic(), time.process_time()
    while (remaining_s := began + _IDLE_S - time.monotonic()) > 0:
        _next(queue, bell, remaining_s)
    return time.process_time() - cpu_s, time.monotonic() - began


def _next(queue: DatabaseQueue, bell: bool, timeout_s: float = _TIMEOUT_S) -> UUID | None:
    if bell:
        return queue.dequeue(timeout_s)
    job_id = queue.dequeue()
    if job_id is None:
        time.sleep(_POLL_S)
    return job_id
