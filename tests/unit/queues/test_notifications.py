"""The bell of a PostgreSQL database."""

import threading
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from reelwork.errors import ServiceUnavailable
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.notifications import Notifications
from tests.support.concurrency import in_threads
from tests.support.databases import opened, rows, run
from tests.support.postgresql import PostgresqlServer
from tests.support.waiting import wait_until

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


@pytest.fixture
def bell(postgresql_database: Database) -> Iterator[Notifications]:
    bell = Notifications(postgresql_database.engine)
    yield bell
    bell.close()


def listeners(database: Database) -> list[int]:
    return [row["pid"] for row in rows(database, LISTENERS)]


def ring(database: Database, bell: Notifications) -> None:
    with database.writing() as transaction:
        bell.ring_with(transaction)


def wait_until_listening(database: Database, bell: Notifications) -> None:
    """Return when the connection stands and its first ring, for what was missed before, is over."""
    with bell.listening():
        assert bell._listener is not None
        rings = bell._listener.rings
        wait_until(lambda: listeners(database) and rings.count)


def is_quiet(ear: object) -> bool:
    began = time.monotonic()
    ear.wait(0.1)  # type: ignore[attr-defined]
    return time.monotonic() - began >= 0.1


def test_a_ring_comes_with_the_commit(postgresql_database: Database, bell: Notifications) -> None:
    wait_until_listening(postgresql_database, bell)
    with bell.listening() as ear:
        with postgresql_database.writing() as transaction:
            bell.ring_with(transaction)
            bell.ring_with(transaction)
            assert is_quiet(ear)
        began = time.monotonic()
        ear.wait(20)
        assert time.monotonic() - began < 10
        assert is_quiet(ear)


def test_no_ring_comes_with_a_rollback(postgresql_database: Database, bell: Notifications) -> None:
    def ring_and_break() -> None:
        with postgresql_database.writing() as transaction:
            bell.ring_with(transaction)
            raise ZeroDivisionError

    wait_until_listening(postgresql_database, bell)
    with bell.listening() as ear:
        with pytest.raises(ZeroDivisionError):
            ring_and_break()
        assert is_quiet(ear)


def test_a_process_listens_on_one_connection(postgresql_database: Database, bell: Notifications) -> None:
    wait_until_listening(postgresql_database, bell)

    def work(number: int) -> None:
        with bell.listening() as ear:
            ear.wait(20)

    waiting = threading.Thread(target=in_threads, args=(5, work))
    waiting.start()
    wait_until(lambda: not waiting.is_alive() or ring(postgresql_database, bell))
    assert len(listeners(postgresql_database)) == 1


def test_a_bell_that_is_closed_listens_no_more(postgresql_database: Database, bell: Notifications) -> None:
    wait_until_listening(postgresql_database, bell)
    bell.close()
    bell.close()
    wait_until(lambda: not listeners(postgresql_database))
    wait_until_listening(postgresql_database, bell)


def test_the_bell_is_closed_with_the_database(postgresql_url: str, postgresql_database: Database) -> None:
    with opened(postgresql_url) as database:
        assert DatabaseQueue(database).dequeue(0.01) is None
        wait_until(lambda: listeners(postgresql_database))
    wait_until(lambda: not listeners(postgresql_database))
    assert "queue-notifications" not in [thread.name for thread in threading.enumerate()]


def test_a_connection_that_broke_is_made_again(postgresql_database: Database, bell: Notifications) -> None:
    wait_until_listening(postgresql_database, bell)
    (lost,) = listeners(postgresql_database)
    with bell.listening() as ear:
        run(postgresql_database, "SELECT pg_terminate_backend(:pid)", pid=lost)
        wait_until(lambda: listeners(postgresql_database) not in ([], [lost]))
        ear.wait(20)  # for what may have been missed
        ring(postgresql_database, bell)
        began = time.monotonic()
        ear.wait(20)
        assert time.monotonic() - began < 10


def test_a_server_that_does_not_answer_is_tried_again_without_haste() -> None:
    with opened("postgresql://nobody@127.0.0.1:1/nothing") as database:
        bell = Notifications(database.engine)
        with bell.listening() as ear:
            assert is_quiet(ear)
        began = time.monotonic()
        bell.close()
        assert time.monotonic() - began < 5


def test_a_queue_outlives_a_restart_of_the_server() -> None:
    server = PostgresqlServer.start()
    try:
        with opened(server.url("postgres")) as database:
            migrate(database)
            # So slow a poll would never do: only the bell can wake it.
            queue = DatabaseQueue(database, poll_interval_s=600)
            _takes_what_comes(database, queue)
            server.restart()
            _takes_what_comes(database, queue)
    finally:
        server.stop()


def _takes_what_comes(database: Database, queue: DatabaseQueue) -> None:
    taken: list[UUID | None] = []

    def work() -> None:
        while not taken:
            try:
                taken.append(queue.dequeue(60))
            except ServiceUnavailable:
                continue

    waiting = threading.Thread(target=work)
    waiting.start()
    wait_until(lambda: listeners(database))
    job_id = uuid4()
    queue.enqueue(job_id)
    waiting.join(20)
    assert taken == [job_id]
