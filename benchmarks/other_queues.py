"""The queues that Reelwork is measured beside: made as durable as it is, and otherwise left as they come."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import procrastinate
from huey import SqliteHuey
from procrastinate.jobs import Job, Status
from sqlalchemy import make_url

HUEY = f"huey {version('huey')}"
PROCRASTINATE = f"procrastinate {version('procrastinate')}"
_NOTHING = Job(id=None, queue="default", lock=None, queueing_lock=None, task_name="nothing", task_kwargs={})


def huey_on(path: Path) -> SqliteHuey:
    """Open huey's file. A message is gone once it was taken: there is no row of the job, no lease and no fence."""
    return SqliteHuey(filename=str(path), fsync=True)


def huey_task(huey: SqliteHuey, work: Callable[[], object] = lambda: "results/x.json") -> Any:
    """Return the one task of these measurements, which enqueues itself when called."""
    # huey knows a task by its module too, which otherwise is that of the function.
    return huey.task(name="nothing", __module__=__name__)(work)


@contextmanager
def huey_file() -> Iterator[Path]:
    """Give the path of an SQLite file for huey for the time of the context."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "huey.db"


def conninfo(url: str) -> str:
    """Say a URL of ours in libpq's words."""
    where = make_url(url)
    return f"host={where.query['host']} user={where.username} dbname={where.database}"


class Procrastinate:
    """procrastinate on one connection, called step by step.

    It keeps a row and a log of events for each job. A fetch has neither lease nor token: the end of a job is
    written by whoever says so.
    """

    def __init__(self, url: str) -> None:
        connector = procrastinate.PsycopgConnector(conninfo=conninfo(url), min_size=1, max_size=1)
        self._app = procrastinate.App(connector=connector)
        self._runner = asyncio.Runner()
        self._worker = self._runner.run(self._open())

    def round_trip(self) -> None:
        """Defer a job, fetch it, end it."""
        self._runner.run(self._round_trip())

    def fetch(self) -> None:
        """Fetch a job, which must be there."""
        assert self._runner.run(self._app.job_manager.fetch_job(None, self._worker))

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._app.close_async())
        self._runner.close()

    async def _open(self) -> int:
        await self._app.open_async()
        await self._app.schema_manager.apply_schema_async()
        worker: int = await self._app.job_manager.register_worker()
        return worker

    async def _round_trip(self) -> None:
        await self._app.job_manager.defer_job_async(_NOTHING)
        job = await self._app.job_manager.fetch_job(None, self._worker)
        assert job is not None
        await self._app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=False)


def procrastinate_task(app: procrastinate.App, work: Callable[..., Any] = lambda: None) -> Any:
    """Return the one task of these measurements."""
    return app.task(name="nothing")(work)


def make_procrastinate_tables(url: str) -> None:
    """Make procrastinate's tables, beside ours."""
    Procrastinate(url).close()


@contextmanager
def deferring(url: str) -> Iterator[Callable[[], object]]:
    """Give what defers a job, on one connection, as code that is not asynchronous does."""
    connector = procrastinate.SyncPsycopgConnector(conninfo=conninfo(url), min_size=1, max_size=1)
    app = procrastinate.App(connector=connector)
    with app.open():
        yield procrastinate_task(app).defer
