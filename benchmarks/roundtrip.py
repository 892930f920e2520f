"""An empty job from enqueue over claim to complete, each step durable: Reelwork beside huey and procrastinate.

- Reelwork: the row with its hint; the hint, the claim; the fenced end.
- huey: the message; its removal; the result. Nothing of a job is known between the last two.
- procrastinate: the row; the fetch, which claims it; the end, which is not fenced.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.other_queues import HUEY, PROCRASTINATE, Procrastinate, huey_file, huey_on, huey_task
from benchmarks.rounds import interleaved
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.jobs import make_job

_TIMES = 100


def run() -> None:
    """Measure and print."""
    with sqlite_url() as url, _reelwork(url) as reelwork, _huey() as huey:
        _compare("SQLite", {"Reelwork": reelwork, HUEY: huey})
    with postgresql_url() as url, _reelwork(url) as reelwork, closing(Procrastinate(url)) as other:
        _compare("PostgreSQL", {"Reelwork": reelwork, PROCRASTINATE: other.round_trip})


def _compare(database: str, ways: dict[str, Callable[[], None]]) -> None:
    seconds = interleaved({name: _repeated(once) for name, once in ways.items()})
    for name, taken in seconds.items():
        print(f"{database:10} {name:20} {1000 * taken / _TIMES:6.2f} ms a job")
    ours, theirs = seconds.values()
    print(f"{database:10} {list(ways)[1]} against Reelwork: {theirs / ours:.2f}")


def _repeated(once: Callable[[], None]) -> Callable[[], None]:
    def repeat() -> None:
        for _ in range(_TIMES):
            once()

    return repeat


@contextmanager
def _reelwork(url: str) -> Iterator[Callable[[], None]]:
    with opened(url) as database:
        queue = DatabaseQueue(database)
        store = JobStore(database, queue)

        def once() -> None:
            store.add(make_job())
            job_id = queue.dequeue()
            assert job_id is not None
            claim = store.claim(job_id, "benchmark", 30)
            assert claim is not None
            assert store.complete(claim.lease, "results/x.json")

        yield once


@contextmanager
def _huey() -> Iterator[Callable[[], None]]:
    with huey_file() as path:
        huey = huey_on(path)
        task = huey_task(huey)

        def once() -> None:
            task()
            assert huey.execute(huey.dequeue()) == "results/x.json"

        yield once
        huey.storage.close()
