"""What it takes to get a job to work on, as the tables grow: Reelwork beside huey and procrastinate.

Half of the jobs are over and half wait. Tables of every size are there at once and take turns, so that what they say of
growth does not depend on what the machine did meanwhile.

- Reelwork, hint then claim: what a worker does; the claim is durable and carries a lease. The other two ways of it
  are measured beside: the claim of a known job, and the look for the oldest one that a worker takes when the queue
  is silent.
- huey: a message is read and removed, durably. Its file holds the waiting messages alone, for of a job that is
  over it keeps nothing; after the removal nothing of the job is left either.
- procrastinate: a row is claimed and an event noted, durably, without a lease; its tables hold as many jobs, and
  their events.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.filling import fill, fill_huey, fill_procrastinate, settle
from benchmarks.other_queues import HUEY, PROCRASTINATE, Procrastinate, huey_file, huey_on, huey_task
from benchmarks.rounds import compared, in_ms, in_turns, percentile, timed
from reelwork.db.engine import Database
from reelwork.jobs.model import PENDING, Job
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue

_SIZES = (1_000, 100_000, 1_000_000)
_TIMES = 120
_UNMEASURED = 20
_LEASE_S = 3600.0
_AS_WORKERS_DO = "hint, then claim"
_ALONE = "claim alone"
_OLDEST = "claim the oldest"

_Take = Callable[[], None]
_Other = Callable[[Database, str, int], AbstractContextManager[_Take]]
_Taken = dict[tuple[int, str], list[float]]


def run() -> None:
    """Measure and print."""
    _compare("SQLite", sqlite_url, HUEY, _huey)
    _compare("PostgreSQL", postgresql_url, PROCRASTINATE, _procrastinate)


def _compare(name: str, url: Callable[[], AbstractContextManager[str]], other_name: str, other: _Other) -> None:
    with ExitStack() as stack:
        tables = {size: stack.enter_context(_tables(size, url, other)) for size in _SIZES}
        taken = _measured(tables, other_name)
        for size, table in tables.items():
            _print(f"{name:10} {size:>9,} jobs  ", size, taken, other_name)
            seconds, count = timed(table.queue.size, _UNMEASURED), table.queue.size()
            print(f"{name:10} {size:>9,} jobs   {'size of queue':20} {in_ms(seconds)}   says {count:,}", flush=True)


def _measured(tables: "dict[int, _Tables]", other: str) -> _Taken:
    beside: dict[tuple[int, str], _Take] = {}
    afterwards: dict[tuple[int, str], _Take] = {}
    for size, table in tables.items():
        beside |= {(size, _AS_WORKERS_DO): table.by_hint, (size, other): table.take_from_other}
        afterwards |= {(size, _ALONE): table.newest, (size, _OLDEST): table.oldest}
    # Not in turns with the others: these leave hints behind of jobs that are claimed.
    return _warmed_up(beside) | _warmed_up(afterwards)


def _warmed_up(ways: dict[tuple[int, str], _Take]) -> _Taken:
    in_turns(ways, _UNMEASURED)
    return in_turns(ways, _TIMES)


def _print(before: str, size: int, taken: _Taken, other: str) -> None:
    for way in (_AS_WORKERS_DO, other, _ALONE, _OLDEST):
        seconds = taken[size, way]
        growth = percentile(seconds, 50) / percentile(taken[_SIZES[0], way], 50)
        print(f"{before} {way:20} {in_ms(seconds)}   x{growth:.2f} of {_SIZES[0]:,}")
    print(f"{before} {other} against Reelwork: {compared(taken[size, other], taken[size, _AS_WORKERS_DO])}")


@dataclass(frozen=True)
class _Tables:
    """Full tables of Reelwork, and how to take a job from as full ones of another queue."""

    queue: DatabaseQueue
    store: JobStore
    newest_first: Iterator[UUID]
    take_from_other: _Take

    def by_hint(self) -> None:
        job_id = self.queue.dequeue()
        assert job_id is not None
        assert self.store.claim(job_id, "benchmark", _LEASE_S)

    def newest(self) -> None:
        """Claim a known job at the end of the line, out of the way of the other claims."""
        assert self.store.claim(next(self.newest_first), "benchmark", _LEASE_S)

    def oldest(self) -> None:
        assert self.store.claim_next("benchmark", _LEASE_S)


@contextmanager
def _tables(size: int, url: Callable[[], AbstractContextManager[str]], other: _Other) -> Iterator[_Tables]:
    with url() as where, opened(where) as database, other(database, where, size) as take_from_other:
        fill(database, size)
        settle(database)
        queue = DatabaseQueue(database)
        yield _Tables(queue, JobStore(database, queue), iter(_newest(database)), take_from_other)


def _newest(database: Database) -> list[UUID]:
    with database.reading() as transaction:
        newest = select(Job.job_id).where(PENDING).order_by(Job.created_at.desc()).limit(_TIMES + _UNMEASURED)
        return list(transaction.scalars(newest))


@contextmanager
def _huey(database: Database, url: str, size: int) -> Iterator[_Take]:
    with huey_file() as path:
        fill_huey(path, size)
        huey = huey_on(path)
        huey_task(huey)

        def take() -> None:
            assert huey.dequeue() is not None

        yield take
        huey.storage.close()


@contextmanager
def _procrastinate(database: Database, url: str, size: int) -> Iterator[_Take]:
    with closing(Procrastinate(url)) as other:
        fill_procrastinate(database, size)
        yield other.fetch
