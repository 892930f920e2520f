"""Workers that show life (`jobs/worker_table.py`), and what all of them have done, now and ever."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from reelwork.db.engine import Database
from reelwork.jobs.worker_table import PAST, WorkerTable
from reelwork.jobs.workers import WorkerSeen
from tests.support.concurrency import in_threads
from tests.support.databases import rows
from tests.support.job_rows import clock_of

HOUR_S = 3600.0


@pytest.fixture
def workers(database: Database) -> WorkerTable:
    """The table, on each dialect."""
    return WorkerTable(database)


def begun(workers: WorkerTable, name: str = "one", **counts: float) -> UUID:
    worker_id = uuid4()
    workers.begin(worker_id, name, counts)
    return worker_id


def last_seen(database: Database, worker_id: UUID, ago_s: float) -> None:
    moment = clock_of(database) - timedelta(seconds=ago_s)
    with database.writing() as transaction:
        transaction.execute(update(WorkerSeen).where(WorkerSeen.worker_id == worker_id).values(seen_at=moment))


def names(workers: WorkerTable) -> list[str]:
    return [life.name for life in workers.lives()]


def test_nobody_was_ever_seen(workers: WorkerTable) -> None:
    assert workers.seen_lately() == 0
    assert workers.lives() == []
    assert workers.counts() == {}


def test_a_worker_is_seen_until_it_stops(workers: WorkerTable) -> None:
    worker_id = begun(workers)
    assert workers.seen_lately() == 1
    assert workers.show_life(worker_id, {"frames": 3})
    [life] = workers.lives()
    assert (life.name, life.stopped) == ("one", False)
    assert 0 <= life.seen_s_ago < 20
    assert workers.show_life(worker_id, {"frames": 4}, stopped=True)
    assert workers.seen_lately() == 0
    assert [life.stopped for life in workers.lives()] == [True]
    assert workers.counts() == {"frames": 4}


def test_a_worker_that_is_silent_is_not_seen(workers: WorkerTable, database: Database) -> None:
    silent, _ = begun(workers, "silent"), begun(workers, "lively")
    last_seen(database, silent, 61)
    assert workers.seen_lately() == 1
    assert names(workers) == ["lively", "silent"]
    assert workers.show_life(silent, {})
    assert workers.seen_lately() == 2


def test_numbers_are_added_up(workers: WorkerTable) -> None:
    begun(workers, frames=3, other=1.5)
    begun(workers, frames=4)
    assert workers.counts() == {"frames": 7, "other": 1.5}


def test_long_gone_workers_are_forgotten_and_their_numbers_are_not(workers: WorkerTable, database: Database) -> None:
    assert workers.forget_long_gone() == 0
    for frames in (1, 2):
        last_seen(database, begun(workers, f"gone {frames}", frames=frames), 25 * HOUR_S)
    resting = begun(workers, "resting", frames=4)
    last_seen(database, resting, 23 * HOUR_S)
    assert workers.forget_long_gone() == 2
    assert workers.counts() == {"frames": 7}
    assert names(workers) == ["resting"]

    last_seen(database, resting, 25 * HOUR_S)
    assert workers.forget_long_gone() == 1
    assert workers.counts() == {"frames": 7}
    assert [row["name"] for row in rows(database, "SELECT name FROM worker")] == ["past"]
    assert not workers.show_life(resting, {})


def test_the_past_is_no_worker_and_never_forgotten(workers: WorkerTable, database: Database) -> None:
    last_seen(database, PAST, 100 * 24 * HOUR_S)
    assert workers.forget_long_gone() == 0
    last_seen(database, PAST, 0)
    assert workers.seen_lately() == 0
    assert workers.lives() == []


def test_those_who_forget_at_once_count_nobody_twice(workers: WorkerTable, database: Database) -> None:
    for _ in range(8):
        last_seen(database, begun(workers, frames=1), 25 * HOUR_S)
    assert sum(in_threads(4, lambda _: workers.forget_long_gone())) == 8
    assert workers.counts() == {"frames": 8}
