"""How soon a waiting worker has a job after its submit began and was done, and what the waiting costs: side by side.

- Reelwork: the row and its hint are committed; the bell wakes the worker, which takes the hint (its id is in hand)
  and claims the job with a lease.
- huey: the message is committed; the consumer polls, and the longer it was idle, the more seldom. Each message is
  removed durably before its task begins. There is no row of the job and no lease.
- procrastinate: the row is committed; a notification wakes the worker, which claims the job without a lease.

The CPU is that of whole processes. A whole `reelwork worker` is its supervisor and the analysis process that it
keeps warm. What the PostgreSQL server does for them is not counted on either side.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.consumers import CLAIMED, wait_by_huey, wait_by_procrastinate, wait_by_reelwork
from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.idle_cpu import idle_cpu
from benchmarks.other_queues import (
    HUEY,
    PROCRASTINATE,
    deferring,
    huey_file,
    huey_on,
    huey_task,
    make_procrastinate_tables,
)
from benchmarks.processes import running
from benchmarks.rounds import compared, in_ms
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.jobs import make_job
from tests.support.service import Service

_UNMEASURED = 20
_TIMES = 200
_TIMES_AFTER_LONG = 8
_LONG_S = 3.0
_IDLE_S = 20.0
_ON_SQLITE = "Reelwork, SQLite"
_ON_POSTGRESQL = "Reelwork, PostgreSQL"
_BESIDE = {HUEY: _ON_SQLITE, PROCRASTINATE: _ON_POSTGRESQL}

_Taken = dict[tuple[str, str], list[float]]


@dataclass(frozen=True)
class _Waiting:
    """A process that waits, and how to give it a job."""

    connection: "Connection[Any, Any]"
    submit: Callable[[], object]


def run() -> None:
    """Measure and print."""
    with sqlite_url() as sqlite, postgresql_url() as postgresql, huey_file() as huey, ExitStack() as stack:
        make_procrastinate_tables(postgresql)
        waiting = {
            _ON_SQLITE: _Waiting(stack.enter_context(running(wait_by_reelwork, sqlite)), _adding(stack, sqlite)),
            HUEY: _Waiting(stack.enter_context(running(wait_by_huey, huey)), huey_task(huey_on(huey))),
            _ON_POSTGRESQL: _Waiting(
                stack.enter_context(running(wait_by_reelwork, postgresql)), _adding(stack, postgresql)
            ),
            PROCRASTINATE: _Waiting(
                stack.enter_context(running(wait_by_procrastinate, postgresql)),
                stack.enter_context(deferring(postgresql)),
            ),
        }
        process_ids = {name: one.connection.recv() for name, one in waiting.items()}
        _wakes(waiting, _UNMEASURED, 0.02)
        _print_wakes("idle for some ms", _wakes(waiting, _TIMES, 0.02))
        _print_wakes(f"idle for {_LONG_S:g} s", _wakes(waiting, _TIMES_AFTER_LONG, _LONG_S))
        with _reelwork_worker("") as on_sqlite, _reelwork_worker(postgresql) as on_postgresql:
            whole = {f"{_ON_SQLITE}, worker": on_sqlite, f"{_ON_POSTGRESQL}, worker": on_postgresql}
            _print_idle_cpu(idle_cpu({**process_ids, **whole}, _IDLE_S))


def _adding(stack: ExitStack, url: str) -> Callable[[], object]:
    database = stack.enter_context(opened(url))
    store = JobStore(database, DatabaseQueue(database))
    return lambda: store.add(make_job())


def _wakes(waiting: dict[str, _Waiting], times: int, longest_s: float) -> _Taken:
    """Wake each in its turn; the pauses differ, so that they meet a poll at any moment."""
    taken: _Taken = defaultdict(list)
    for number in range(times):
        time.sleep(longest_s * (0.8 + 0.2 * (number % 7) / 6))
        for name, one in waiting.items():
            began = time.monotonic()
            one.submit()
            submitted_at = time.monotonic()
            for what, at in one.connection.recv().items():
                taken[name, f"begun to {what}"].append(at - began)
                taken[name, f"done to {what}"].append(at - submitted_at)
    return taken


def _print_wakes(when: str, taken: _Taken) -> None:
    for (name, what), seconds in taken.items():
        print(f"{when:17} {name:21} submit {what:19} {in_ms(seconds)}   worst {1000 * max(seconds):.1f} ms")
    for other, ours in _BESIDE.items():
        whole = f"begun to {CLAIMED}"
        print(f"{when:17} {other} against {ours}: {compared(taken[other, whole], taken[ours, whole])}")


def _print_idle_cpu(shares: dict[str, float]) -> None:
    for name, share in shares.items():
        print(f"CPU of an idle process over {_IDLE_S:.0f} s: {name:29} {100 * share:.3f} %")
    for other, ours in _BESIDE.items():
        print(f"CPU of {other} against {ours}, worker: {shares[other] / shares[f'{ours}, worker']:.2f}")


@contextmanager
def _reelwork_worker(database_url: str) -> Iterator[int]:
    """Run the real command, on the embedded database or on that of the URL; give its process id."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), {"PYTHONPATH": "", "REELWORK_DATABASE_URL": database_url})
        try:
            service.start("migrate").process.wait()
            yield service.start("worker").process.pid
        finally:
            service.close()
