"""A database that takes questions and gives no answers: no analysis outlives its lease, and all is well afterwards."""

import fcntl
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from reelwork.db.migrate import migrate
from tests.support.databases import SqliteFiles, opened
from tests.support.evidence import assert_each_completed_once, assert_rescue_leaves_no_orphan
from tests.support.postgresql import PostgresqlServer
from tests.support.service import (
    Caller,
    Command,
    Service,
    analysis_processes,
    descendants,
    is_alive,
    is_reading_a_video,
)
from tests.support.waiting import wait_until

FRAMES = 8
LEASE_S = 5
GRACE_S = 0.5
ENDED_WITHIN_S = GRACE_S + 5 + 2


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, sqlite_files: SqliteFiles, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated database; that on PostgreSQL has a server of its own, for the others go on with theirs."""
    if request.param == "sqlite":
        yield sqlite_files.migrated(tmp_path / "reelwork.db")
        return
    server = PostgresqlServer.start()
    url = server.url(server.create_database())
    with opened(url) as database:
        migrate(database)
    yield url
    server.stop()


@pytest.fixture
def silence(database_url: str) -> Callable[[], AbstractContextManager[None]]:
    """Let the database not answer for the time of a context."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return lambda: _another_writer(Path(url.database or ""))
    return lambda: _stopped_server(Path(str(url.query["host"])) / "data")


@contextmanager
def _another_writer(path: Path) -> Iterator[None]:
    with Path(f"{path}.lock").open("ab") as turn, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        fcntl.flock(turn, fcntl.LOCK_EX)
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def _stopped_server(data: Path) -> Iterator[None]:
    postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGSTOP)  # first, so that it starts no other
    stopped = [postmaster, *descendants(postmaster)]
    try:
        for pid in stopped[1:]:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def calls(hurt: Service, caller: Callable[[str], Caller]) -> Caller:
    hurt.write_pipeline("long", "pause", seconds=0.2)
    return caller(hurt.start("serve", "--port", "0").url())


def child_at_work(worker: Command) -> int:
    """Wait until the worker's analysis process has begun and pause it, so that it does not end; return its id."""
    child = wait_until(lambda: next(filter(is_reading_a_video, analysis_processes(worker.process.pid)), 0))
    os.kill(child, signal.SIGSTOP)
    return child


def test_analysis_ends_before_its_lease_and_the_job_runs_again(
    hurt: Service,
    calls: Caller,
    database_url: str,
    silence: Callable[[], AbstractContextManager[None]],
    clip: Path,
    record_property: Callable[[str, object], None],
) -> None:
    worker = hurt.start("worker", REELWORK_LEASE_S=str(LEASE_S))
    job_id = calls.submit(clip, pipeline="long")
    child = child_at_work(worker)
    with silence():
        silent_at = time.monotonic()
        wait_until(lambda: not is_alive(child))
        # The lease was renewed, if ever, before.
        took_s = time.monotonic() - silent_at
        worker.wait_for_output(b'"event": "job.lease_lost"')

    calls.wait_for(job_id, "completed")
    record_property("ended_after_s", round(took_s, 2))
    assert took_s < LEASE_S
    with opened(database_url) as database:
        assert assert_each_completed_once(hurt, database, [job_id], FRAMES) == {job_id: 2}
        assert_rescue_leaves_no_orphan(hurt, database)
    assert [event["job_id"] for event in hurt.events("job.rescued")] == [str(job_id)]


def test_worker_that_cannot_hand_its_job_back_ends_all_the_same(
    hurt: Service, calls: Caller, silence: Callable[[], AbstractContextManager[None]], clip: Path
) -> None:
    worker = hurt.start("worker", REELWORK_LEASE_S="600", REELWORK_SHUTDOWN_GRACE_S=str(GRACE_S))
    calls.submit(clip, pipeline="long")
    child = child_at_work(worker)
    with silence():
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(ENDED_WITHIN_S) == 1
        wait_until(lambda: not is_alive(child))
    assert worker.events("worker.abandoned")
