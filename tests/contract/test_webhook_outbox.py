"""Which deliveries are due (`webhooks/outbox.py`), each claimed by one process at a time, on the database's clock."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore
from reelwork.webhooks.message import message_id
from reelwork.webhooks.outbox import Delivery, Outbox
from tests.support.concurrency import in_threads
from tests.support.deliveries import due
from tests.support.job_moves import added, claimed
from tests.support.job_rows import clock_of, let_lease_run_out, row_of, update_row

URL = "https://hooks.example.com/x"
LEASE_S = 60.0


@pytest.fixture
def outbox(database: Database) -> Outbox:
    """The outbox, on each dialect."""
    return Outbox(database)


def let_claim_run_out(database: Database, delivery: Delivery) -> None:
    update_row(database, delivery.job_id, webhook_due_at=database_now(-1))


class TestJobsThatEnd:
    @pytest.mark.parametrize(
        ("end", "status"),
        [
            (lambda store, lease: store.complete(lease, "video_results/x/y.json"), JobStatus.COMPLETED),
            (lambda store, lease: store.fail(lease, "It broke."), JobStatus.FAILED),
        ],
    )
    def test_are_due_at_once(
        self, end: Callable[..., bool], status: JobStatus, database: Database, store: JobStore, outbox: Outbox
    ) -> None:
        job_id = added(store, webhook_url=URL, external_id="film 1")
        lease = claimed(store, job_id)
        assert outbox.due_in_s() is None
        assert end(store, lease)
        due_in_s = outbox.due_in_s()
        assert due_in_s is not None
        assert due_in_s <= 0
        [delivery] = outbox.claim(10, LEASE_S)
        row = row_of(database, job_id)
        assert (delivery.job_id, delivery.status, delivery.url) == (job_id, status, URL)
        assert (delivery.attempt, delivery.external_id, delivery.tags) == (1, "film 1", ())
        assert (delivery.ended_at, delivery.error_message) == (row["updated_at"], row["error_message"])

    def test_are_due_when_the_last_worker_was_lost(self, database: Database, store: JobStore, outbox: Outbox) -> None:
        job_id = added(store, webhook_url=URL, attempt=2)
        claimed(store, job_id)
        let_lease_run_out(database, job_id)
        assert store.expire_leases() == ([], [job_id])
        [delivery] = outbox.claim(10, LEASE_S)
        assert (delivery.job_id, delivery.status) == (job_id, JobStatus.FAILED)

    def test_without_a_url_are_not_due(self, store: JobStore, outbox: Outbox) -> None:
        assert store.fail(claimed(store, added(store)), "It broke.")
        assert outbox.due_in_s() is None
        assert outbox.claim(10, LEASE_S) == []

    def test_again_are_told_again_under_another_id(self, store: JobStore, outbox: Outbox) -> None:
        job_id = added(store, webhook_url=URL)
        assert store.fail(claimed(store, job_id), "It broke.")
        [first] = outbox.claim(10, LEASE_S)
        assert store.retry(job_id)
        assert outbox.due_in_s() is None
        assert not outbox.end(first), "its job is being run again"
        assert store.fail(claimed(store, job_id), "It broke.")
        [second] = outbox.claim(10, LEASE_S)
        assert second.attempt == 1
        assert message_id(second) != message_id(first)
        assert not outbox.end(first)
        assert outbox.end(second)


class TestClaiming:
    def test_takes_those_first_that_waited_longest(self, database: Database, outbox: Outbox) -> None:
        jobs = [due(database, URL, since_s=since_s) for since_s in (10, 30, 20, 40)]
        update_row(database, jobs[3], webhook_due_at=database_now(300))
        assert {delivery.job_id for delivery in outbox.claim(2, LEASE_S)} == {jobs[1], jobs[2]}
        assert [delivery.job_id for delivery in outbox.claim(2, LEASE_S)] == [jobs[0]]
        assert outbox.claim(2, LEASE_S) == []

    def test_lasts_for_the_lease_on_the_database_clock(self, database: Database, outbox: Outbox) -> None:
        job_id = due(database, URL)
        now = clock_of(database)
        [delivery] = outbox.claim(1, LEASE_S)
        assert timedelta(0) <= delivery.claimed_until - timedelta(seconds=LEASE_S) - now < timedelta(seconds=20)
        assert row_of(database, job_id)["webhook_due_at"] == delivery.claimed_until
        due_in_s = outbox.due_in_s()
        assert due_in_s is not None
        assert LEASE_S - 20 < due_in_s <= LEASE_S

    def test_that_was_not_settled_is_made_again_with_the_same_id(self, database: Database, outbox: Outbox) -> None:
        due(database, URL)
        [first] = outbox.claim(1, LEASE_S)
        let_claim_run_out(database, first)
        [second] = outbox.claim(1, LEASE_S)
        assert (first.attempt, second.attempt) == (1, 2)
        assert message_id(first) == message_id(second)

    def test_tells_the_tags(self, database: Database, outbox: Outbox) -> None:
        one = due(database, URL, tags=("b", "a"))
        other = due(database, URL, JobStatus.FAILED)
        found = {delivery.job_id: delivery.tags for delivery in outbox.claim(10, LEASE_S)}
        assert found == {one: ("a", "b"), other: ()}

    def test_gives_each_to_one(self, database: Database, outbox: Outbox) -> None:
        jobs = [due(database, URL) for _ in range(24)]

        def take(_: int) -> list[Delivery]:
            taken: list[Delivery] = []
            while outbox.due_in_s() is not None and (outbox.due_in_s() or 0) <= 0:
                taken += outbox.claim(3, LEASE_S)
            return taken

        taken = [delivery.job_id for batch in in_threads(4, take) for delivery in batch]
        assert sorted(taken) == sorted(jobs)


class TestSettling:
    def test_ended_is_not_due_any_more(self, database: Database, outbox: Outbox) -> None:
        job_id = due(database, URL)
        [delivery] = outbox.claim(1, LEASE_S)
        assert outbox.end(delivery)
        assert outbox.due_in_s() is None
        assert row_of(database, job_id)["webhook_attempts"] == 1

    def test_tried_again_later(self, database: Database, outbox: Outbox) -> None:
        due(database, URL)
        [delivery] = outbox.claim(1, LEASE_S)
        assert outbox.try_again(delivery, 300)
        due_in_s = outbox.due_in_s()
        assert due_in_s is not None
        assert 0 < due_in_s <= 300
        let_claim_run_out(database, delivery)
        assert [again.attempt for again in outbox.claim(1, LEASE_S)] == [2]

    def test_put_off_counts_no_attempt(self, database: Database, outbox: Outbox) -> None:
        due(database, URL)
        [delivery] = outbox.claim(1, LEASE_S)
        assert outbox.put_off(delivery, 5)
        let_claim_run_out(database, delivery)
        assert [again.attempt for again in outbox.claim(1, LEASE_S)] == [1]

    @pytest.mark.parametrize(
        "settle",
        [
            lambda outbox, delivery: outbox.end(delivery),
            lambda outbox, delivery: outbox.try_again(delivery, 5),
            lambda outbox, delivery: outbox.put_off(delivery, 5),
        ],
    )
    def test_is_up_to_whoever_has_the_claim(
        self, settle: Callable[[Outbox, Delivery], bool], database: Database, outbox: Outbox
    ) -> None:
        job_id = due(database, URL)
        [late] = outbox.claim(1, LEASE_S)
        let_claim_run_out(database, late)
        [holder] = outbox.claim(1, LEASE_S)
        before = row_of(database, job_id)
        assert not settle(outbox, late)
        assert row_of(database, job_id) == before
        assert settle(outbox, holder)
        assert not settle(outbox, holder)

    def test_changes_nothing_else_of_the_job(self, database: Database, outbox: Outbox) -> None:
        job_id = due(database, URL)
        before = row_of(database, job_id)
        for settle in (lambda d: outbox.try_again(d, 0), lambda d: outbox.put_off(d, 0), outbox.end):
            [delivery] = outbox.claim(1, LEASE_S)
            assert settle(delivery)
            update_row(database, job_id, webhook_due_at=database_now(-1))
        after = row_of(database, job_id)
        assert {name for name in after if after[name] != before[name]} == {"webhook_due_at", "webhook_attempts"}
