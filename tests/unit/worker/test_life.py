"""A worker shows that it lives, and nothing that goes wrong there is of consequence."""

import threading

import pytest

from reelwork.db.engine import Database
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.counters import Counted, Counters
from reelwork.jobs.worker_table import WorkerTable
from reelwork.worker.life import SignsOfLife
from tests.support.clock import Clock
from tests.support.databases import run
from tests.support.waiting import wait_until


@pytest.fixture
def workers(sqlite_database: Database) -> WorkerTable:
    return WorkerTable(sqlite_database)


def test_life_is_shown_at_once_and_then_from_time_to_time(workers: WorkerTable, clock: Clock) -> None:
    counters = Counters()
    life = SignsOfLife("one", workers, counters)
    assert life.due_in_s == 0
    life.show_if_due()
    for chore in life._chores:
        chore.wait(30)
    assert workers.seen_lately()
    assert 13 <= life.due_in_s <= 13 * 1.1
    counters.add(Counted.FRAMES, by=3)
    life.show_if_due()
    assert workers.counts() == {}, "it is not due again"
    life.show()
    assert workers.counts() == {"frames": 3}
    assert [seen.name for seen in workers.lives()] == ["one"]


def test_the_end_is_shown(workers: WorkerTable) -> None:
    life = SignsOfLife("one", workers, Counters())
    life.show()
    life.end()
    assert [seen.stopped for seen in workers.lives()] == [True]


def test_worker_that_was_taken_for_long_gone_is_not_counted_twice(
    workers: WorkerTable, sqlite_database: Database
) -> None:
    counters = Counters()
    life = SignsOfLife("one", workers, counters)
    counters.add(Counted.FRAMES, by=3)
    life.show()
    counters.add(Counted.FRAMES, by=4)
    run(sqlite_database, "UPDATE worker SET seen_at = '2001-01-01 00:00:00.000000' WHERE name = 'one'")
    assert workers.forget_long_gone() == 1
    life.show()
    assert workers.counts() == {"frames": 7}
    life.show()
    assert workers.counts() == {"frames": 7}


class AwayDatabase(WorkerTable):
    """A table that cannot be written to."""

    def __init__(self, away: threading.Event, answer: threading.Event) -> None:
        self._away = away
        self._answer = answer

    def begin(self, *_: object) -> None:
        self._away.set()
        self._answer.wait(30)
        raise ServiceUnavailable("The database does not answer.")

    def forget_long_gone(self) -> int:
        raise ServiceUnavailable("The database does not answer.")


def test_database_that_hangs_or_is_away_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    away, answer = threading.Event(), threading.Event()
    life = SignsOfLife("one", AwayDatabase(away, answer), Counters())
    life.show_if_due()
    assert away.wait(10)
    life.show_if_due()
    life.end()
    assert "worker.life.waiting" not in caplog.messages, "it was waited for"
    answer.set()
    wait_until(lambda: "worker.life.waiting" in caplog.messages)
