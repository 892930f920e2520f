"""What the database queue does beyond the port: how it uses its table."""

import threading
import time
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from reelwork.db.engine import Database
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import rows, run


def test_a_position_is_never_given_twice(database: Database, database_queue: DatabaseQueue) -> None:
    positions = []
    for _ in range(3):
        database_queue.enqueue(uuid4())
        positions += [row["position"] for row in rows(database, "SELECT position FROM queue_entry")]
        database_queue.dequeue()
    assert positions == sorted(set(positions))
    assert len(positions) == 3


def test_the_oldest_is_the_one_of_the_lowest_position(database: Database, database_queue: DatabaseQueue) -> None:
    older, newer = UUID(int=9), UUID(int=1)
    database_queue.enqueue(newer)
    run(database, "UPDATE queue_entry SET position = 1000")
    run(database, "INSERT INTO queue_entry (position, job_id) VALUES (999, :job_id)", job_id=_stored(database, older))
    assert [database_queue.dequeue(), database_queue.dequeue()] == [older, newer]


@pytest.mark.timeout(30)  # it would wait for ever
def test_a_hint_another_worker_is_taking_is_passed_over(postgresql_database: Database) -> None:
    queue = DatabaseQueue(postgresql_database)
    held, free = uuid4(), uuid4()
    queue.enqueue(held)
    queue.enqueue(free)
    with postgresql_database.writing() as transaction:
        transaction.connection.exec_driver_sql("SELECT 1 FROM queue_entry ORDER BY position LIMIT 1 FOR UPDATE")
        begun = time.monotonic()
        assert queue.dequeue() == free
        assert queue.dequeue() is None
        assert time.monotonic() - begun < 2
    assert queue.dequeue() == held


@pytest.mark.timeout(30)  # it would wait for ever
def test_an_idle_worker_waits_for_no_writer(sqlite_database: Database) -> None:
    queue = DatabaseQueue(sqlite_database)
    with sqlite_database.writing():  # the one writer there can be
        begun = time.monotonic()
        assert queue.dequeue(0.05) is None
        assert time.monotonic() - begun < 2


def test_the_table_is_looked_at_no_more_often_than_said(sqlite_database: Database) -> None:
    queue = DatabaseQueue(sqlite_database, poll_interval_s=0.1)
    looks: list[float] = []

    @event.listens_for(sqlite_database.engine, "before_cursor_execute")
    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("SELECT"):
            looks.append(time.monotonic())
            if len(looks) == 4:
                queue.close()

    assert queue.dequeue(60) is None
    assert len(looks) == 4
    assert all(after - before >= 0.1 for before, after in pairwise(looks))


def test_a_waiting_dequeue_holds_no_transaction(database: Database, database_queue: DatabaseQueue) -> None:
    taken: list[UUID | None] = []
    waiting = threading.Thread(target=lambda: taken.append(database_queue.dequeue(30)))
    waiting.start()
    job_id = uuid4()
    database_queue.enqueue(job_id)
    waiting.join(30)
    assert taken == [job_id]
    assert rows(database, "SELECT position FROM queue_entry") == []


def test_a_hint_that_rang_for_nobody_is_found_by_looking(database: Database) -> None:
    queue = DatabaseQueue(database, poll_interval_s=0.05)
    silent = uuid4()
    taken: list[UUID | None] = []
    waiting = threading.Thread(target=lambda: taken.append(queue.dequeue(30)))
    waiting.start()
    run(database, "INSERT INTO queue_entry (position, job_id) VALUES (1, :job_id)", job_id=_stored(database, silent))
    waiting.join(30)
    assert taken == [silent]


class TestSize:
    def test_counts_a_large_queue_by_its_positions(
        self, database: Database, database_queue: DatabaseQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reelwork.queues.database._COUNTED_EXACTLY", 3)
        for number, size in enumerate((1, 2, 3, 4, 5), 1):
            database_queue.enqueue(UUID(int=number))
            assert database_queue.size() == size
        database_queue.dequeue()
        assert database_queue.size() == 4

    def test_is_never_less_than_what_waits(
        self, database: Database, database_queue: DatabaseQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(8):
            database_queue.enqueue(UUID(int=number))
        run(database, "DELETE FROM queue_entry WHERE job_id = :job_id", job_id=_stored(database, UUID(int=4)))
        assert database_queue.size() == 7
        monkeypatch.setattr("reelwork.queues.database._COUNTED_EXACTLY", 3)
        assert database_queue.size() == 8


def _stored(database: Database, job_id: UUID) -> str | UUID:
    return job_id.hex if database.is_sqlite else job_id
