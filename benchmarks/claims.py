"""What it takes to get a job to work on, as the tables grow: Reelwork beside huey and procrastinate.

Half of the jobs are over and half wait.

- Reelwork, hint then claim: what a worker does; the claim is durable and carries a lease. The other two ways of it
  are measured beside: the claim of a known job, and the look for the oldest one that a worker takes when the queue
  is silent.
- huey: a message is read and removed, durably. Its file holds the waiting messages alone, for of a job that is
  over it keeps nothing; after the removal nothing of the job is left either.
- procrastinate: a row is claimed and an event noted, durably, without a lease; its tables hold as many jobs, and
  their events.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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


@dataclass(frozen=True)
class _Other:
    """Another queue: how to add jobs numbered from one to another number, and how to take one."""

    name: str
    fill: Callable[[int, int], None]
    take: Callable[[], object]


def run() -> None:
    """Measure and print."""
    with sqlite_url() as url, opened(url) as database, _huey() as huey:
        _Comparison("SQLite", database, huey).run()
    with postgresql_url() as url, opened(url) as database, _procrastinate(url, database) as other:
        _Comparison("PostgreSQL", database, other).run()


class _Comparison:
    def __init__(self, name: str, database: Database, other: _Other) -> None:
        self._name = name
        self._database = database
        self._queue = DatabaseQueue(database)
        self._store = JobStore(database, self._queue)
        self._other = other
        self._before: dict[str, float] = {}

    def run(self) -> None:
        for first, size in zip((0, *_SIZES), _SIZES, strict=False):
            fill(self._database, first + 1, size)
            self._other.fill(first + 1, size)
            settle(self._database)
            self._measure(size)

    def _measure(self, size: int) -> None:
        beside = {_AS_WORKERS_DO: self._by_hint, self._other.name: self._other.take}
        taken = _warmed_up(beside)
        known = iter(_newest(self._database))
        # Not in turns with the others: these leave hints behind of jobs that are claimed.
        for way, claim in {"claim alone": lambda: self._claim(next(known)), "claim the oldest": self._oldest}.items():
            taken |= _warmed_up({way: claim})
        for way, seconds in taken.items():
            self._print(size, way, f"{in_ms(seconds)}   {self._growth(way, seconds)}")
        ratio = compared(taken[self._other.name], taken[_AS_WORKERS_DO])
        self._print(size, f"{self._other.name} against Reelwork:", ratio)
        self._print(size, "size of queue", f"{in_ms(timed(self._queue.size, 20))}   says {self._queue.size():,}")

    def _growth(self, way: str, seconds: list[float]) -> str:
        median = percentile(seconds, 50)
        return f"x{median / self._before.setdefault(way, median):.2f} of {_SIZES[0]:,}"

    def _print(self, size: int, what: str, figures: str) -> None:
        print(f"{self._name:10} {size:>9,} jobs   {what:38} {figures}", flush=True)

    def _by_hint(self) -> None:
        job_id = self._queue.dequeue()
        assert job_id is not None
        self._claim(job_id)

    def _claim(self, job_id: UUID) -> None:
        assert self._store.claim(job_id, "benchmark", _LEASE_S)

    def _oldest(self) -> None:
        assert self._store.claim_next("benchmark", _LEASE_S)


def _warmed_up(ways: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    in_turns(ways, _UNMEASURED)
    return in_turns(ways, _TIMES)


def _newest(database: Database) -> list[UUID]:
    """Jobs at the end of the line, out of the way of the other claims."""
    with database.reading() as transaction:
        newest = select(Job.job_id).where(PENDING).order_by(Job.created_at.desc()).limit(_TIMES + _UNMEASURED)
        return list(transaction.scalars(newest))


@contextmanager
def _huey() -> Iterator[_Other]:
    with huey_file() as path:
        huey = huey_on(path)
        huey_task(huey)

        def take() -> None:
            assert huey.dequeue() is not None

        yield _Other(HUEY, lambda first, last: fill_huey(path, first, last), take)
        huey.storage.close()


@contextmanager
def _procrastinate(url: str, database: Database) -> Iterator[_Other]:
    with closing(Procrastinate(url)) as other:
        yield _Other(PROCRASTINATE, lambda first, last: fill_procrastinate(database, first, last), other.fetch)
