"""The thread that delivers, with a real table and real receivers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.lifecycle import JobStatus
from reelwork.webhooks.courier import _AT_ONCE, Courier
from reelwork.webhooks.outbox import Delivery, Outbox
from reelwork.webhooks.schedule import WAITS_S
from reelwork.webhooks.sender import Answer, WebhookSender
from tests.support.deliveries import KEYS, due, many_due
from tests.support.job_rows import clock_of, row_of, update_row
from tests.support.receivers import nobody, receiving, saying
from tests.support.waiting import wait_until

Send = Callable[[Delivery], Answer]

TIMEOUT_S = 60.0
"""Who is given up because the machine is busy rests, and is then sent to once more."""


def sending(timeout_s: float = TIMEOUT_S) -> Send:
    return WebhookSender(KEYS, timeout_s=timeout_s, allow_private=True).send


@contextmanager
def delivering(database: Database, send: Send | None = None, outbox: Outbox | None = None) -> Iterator[Courier]:
    courier = Courier(outbox or Outbox(database), send or sending(), TIMEOUT_S)
    courier.start()
    try:
        yield courier
    finally:
        courier.stop()


def ended(database: Database, job_id: object) -> bool:
    return row_of(database, job_id)["webhook_due_at"] is None  # type: ignore[arg-type]


def test_what_is_due_is_delivered_and_settled(sqlite_database: Database) -> None:
    with receiving() as receiver, delivering(sqlite_database) as courier:
        jobs = [due(sqlite_database, receiver.url), due(sqlite_database, receiver.url, JobStatus.FAILED)]
        wait_until(lambda: all(ended(sqlite_database, job_id) for job_id in jobs))
    kinds = {request.document["type"] for request in receiver.received}
    assert kinds == {"job.completed", "job.failed"}
    assert len(receiver.received) == 2
    assert courier.outcomes == {"delivered": 2, "failed": 0, "unwanted": 0, "given_up": 0}


def test_receiver_that_wants_no_more_gets_no_more(sqlite_database: Database) -> None:
    with receiving(410) as receiver, delivering(sqlite_database) as courier:
        job_id = due(sqlite_database, receiver.url)
        wait_until(lambda: ended(sqlite_database, job_id))
    assert len(receiver.received) == 1
    assert courier.outcomes["unwanted"] == 1


@pytest.mark.parametrize("status", [302, 404, 500])
def test_refusal_is_tried_again_after_a_while(status: int, sqlite_database: Database) -> None:
    with receiving(status) as receiver, delivering(sqlite_database) as courier:
        before = clock_of(sqlite_database)
        # Not the first attempt: the wait after that might be over before it is looked at.
        job_id = due(sqlite_database, receiver.url, webhook_attempts=1)
        wait_until(lambda: courier.outcomes["failed"])
        # Longer than it is claimed for.
        wait_until(lambda: due_after_s(sqlite_database, job_id, before) >= WAITS_S[1])
        assert due_after_s(sqlite_database, job_id, before) < 2 * WAITS_S[1]
        update_row(sqlite_database, job_id, webhook_due_at=database_now(-1))
        wait_until(lambda: courier.outcomes["failed"] == 2)
    assert len({request.message_id for request in receiver.received}) == 1
    assert row_of(sqlite_database, job_id)["webhook_attempts"] == 3


def due_after_s(database: Database, job_id: UUID, moment: datetime) -> float:
    return (row_of(database, job_id)["webhook_due_at"] - moment).total_seconds()  # type: ignore[no-any-return]


def test_last_refusal_ends_it(sqlite_database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with receiving(500) as receiver, delivering(sqlite_database) as courier:
        job_id = due(sqlite_database, receiver.url + "/T0KEN", webhook_attempts=len(WAITS_S))
        wait_until(lambda: ended(sqlite_database, job_id))
    assert courier.outcomes["given_up"] == 1
    [line] = [record for record in caplog.records if record.getMessage() == "webhook.given_up"]
    assert vars(line)["answer"] == 500
    assert "T0KEN" not in str(vars(line))


def test_silent_receivers_do_not_hold_up_the_others(sqlite_database: Database) -> None:
    sent: list[str] = []
    patient, hurried = sending(), sending(timeout_s=1.0)

    def send(delivery: Delivery) -> Answer:
        sent.append(delivery.url)
        return hurried(delivery) if delivery.url == silent else patient(delivery)

    with saying() as silent, nobody() as gone, receiving() as receiver, delivering(sqlite_database, send):
        for number in range(150):
            due(sqlite_database, (silent, gone)[number % 2], since_s=100)
        jobs = [due(sqlite_database, receiver.url) for _ in range(30)]
        wait_until(lambda: all(ended(sqlite_database, job_id) for job_id in jobs))
        # One wave of requests finds that the silent one is silent; behind it the way is free.
        assert sent.count(silent) <= _AT_ONCE
        assert sent.count(gone) <= _AT_ONCE
    assert len(receiver.received) == 30


def test_a_thousand_are_soon_delivered(sqlite_database: Database) -> None:
    with receiving() as receiver:
        jobs = many_due(sqlite_database, receiver.url, 1000)
        with delivering(sqlite_database) as courier:
            wait_until(lambda: courier.outcomes["delivered"] == len(jobs), timeout_s=60)
    assert len({request.message_id for request in receiver.received}) == len(receiver.received) == 1000


def test_two_couriers_deliver_each_once(database: Database) -> None:
    with receiving() as receiver:
        jobs = many_due(database, receiver.url, 60)
        with delivering(database), delivering(database):
            wait_until(lambda: all(ended(database, job_id) for job_id in jobs), timeout_s=60)
    assert len({request.message_id for request in receiver.received}) == len(receiver.received) == 60


class WatchedOutbox(Outbox):
    """Tells when it was found empty."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.found_empty = threading.Event()

    def due_in_s(self) -> float | None:
        due_in_s = super().due_in_s()
        if due_in_s is None:
            self.found_empty.set()
        return due_in_s


def test_new_delivery_is_noticed_soon(sqlite_database: Database) -> None:
    outbox = WatchedOutbox(sqlite_database)

    def noticed_in_s(count: int) -> float:
        outbox.found_empty.clear()
        assert outbox.found_empty.wait(60)
        due(sqlite_database, receiver.url)
        began_at = time.monotonic()
        wait_until(lambda: len(receiver.received) == count)
        return time.monotonic() - began_at

    with receiving() as receiver, delivering(sqlite_database, outbox=outbox):
        # The machine may be busy once.
        assert any(noticed_in_s(count) < 2 for count in (1, 2, 3))


def test_stopping_does_not_wait_for_a_silent_receiver(sqlite_database: Database) -> None:
    with saying() as silent:
        senders: list[threading.Thread] = []
        patient = sending()

        def send(delivery: Delivery) -> Answer:
            senders.append(threading.current_thread())
            return patient(delivery)

        courier = Courier(Outbox(sqlite_database), send, TIMEOUT_S)
        courier.start()
        due(sqlite_database, silent)
        wait_until(lambda: senders)
        courier.stop()
        assert senders[0].is_alive()


class FailingOutbox(Outbox):
    """A table that does not answer at first."""

    failures = 1

    def due_in_s(self) -> float | None:
        if self.failures:
            self.failures -= 1
            raise ServiceUnavailable("The database does not answer.")
        return super().due_in_s()


def test_database_that_does_not_answer_is_waited_for(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork.webhooks.courier._BACK_OFF_S", 0.05)
    with receiving() as receiver:
        due(sqlite_database, receiver.url)
        with delivering(sqlite_database, outbox=FailingOutbox(sqlite_database)) as courier:
            wait_until(lambda: courier.outcomes["delivered"])
