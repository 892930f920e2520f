"""An empty job from enqueue over claim to complete, each step durable: Reelwork beside huey and procrastinate."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import procrastinate
from huey import SqliteHuey
from procrastinate.jobs import Job, Status
from sqlalchemy import make_url

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.rounds import interleaved
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.jobs import make_job

_TIMES = 100


def run() -> None:
    """Measure and print."""
    with sqlite_url() as url, _reelwork(url) as reelwork, _huey() as huey:
        _compare("SQLite", {"Reelwork": reelwork, "huey": huey})
    with postgresql_url() as url, _reelwork(url) as reelwork, _procrastinate(url) as other:
        _compare("PostgreSQL", {"Reelwork": reelwork, "procrastinate": other})


def _compare(database: str, ways: dict[str, Callable[[], None]]) -> None:
    def repeated(once: Callable[[], None]) -> Callable[[], None]:
        def repeat() -> None:
            for _ in range(_TIMES):
                once()

        return repeat

    seconds = interleaved({name: repeated(once) for name, once in ways.items()})
    for name, taken in seconds.items():
        print(f"{database:10} {name:14} {1000 * taken / _TIMES:6.2f} ms a job")
    ours, theirs = seconds.values()
    print(f"{database:10} {list(ways)[1]} against Reelwork: {theirs / ours:.2f}")


@contextmanager
def _reelwork(url: str) -> Iterator[Callable[[], None]]:
    """The row with its hint; the hint, the claim; the fenced end."""
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
    """The message; its removal; the result. Nothing of a job is known between the last two."""
    with tempfile.TemporaryDirectory() as folder:
        huey = SqliteHuey(filename=str(Path(folder) / "huey.db"), fsync=True)

        task = huey.task()(lambda: "results/x.json")

        def once() -> None:
            task()
            assert huey.execute(huey.dequeue()) == "results/x.json"

        yield once
        huey.storage.close()


@contextmanager
def _procrastinate(url: str) -> Iterator[Callable[[], None]]:
    """The row; the fetch, which claims it; the end, which is not fenced."""
    where = make_url(url)
    connector = procrastinate.PsycopgConnector(
        conninfo=f"host={where.query['host']} user={where.username} dbname={where.database}", min_size=1, max_size=1
    )
    app = procrastinate.App(connector=connector)

    async def once() -> None:
        await app.job_manager.defer_job_async(
            Job(id=None, queue="default", lock=None, queueing_lock=None, task_name="nothing", task_kwargs={})
        )
        job = await app.job_manager.fetch_job(None, worker)
        assert job is not None
        await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=False)

    with asyncio.Runner() as runner:
        runner.run(connector.open_async())
        runner.run(app.schema_manager.apply_schema_async())
        worker = runner.run(app.job_manager.register_worker())
        yield lambda: runner.run(once())
        runner.run(connector.close_async())
