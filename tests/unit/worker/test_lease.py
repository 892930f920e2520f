"""A lease is renewed when its keeper is asked to, and known to be lost before it is over."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reelwork.db.engine import Database
from reelwork.jobs.store import Claim, JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.worker.lease import LeaseKeeper, LeaseLost
from tests.support.clock import Clock
from tests.support.job_moves import added
from tests.support.job_rows import let_lease_run_out, row_of, update_row
from tests.support.waiting import wait_until

LEASE_S = 60.0


@pytest.fixture
def claim(clock: Clock, store: JobStore) -> Claim:
    return claimed(store, LEASE_S)


@pytest.fixture
def keeper(store: JobStore, claim: Claim) -> LeaseKeeper:
    return LeaseKeeper(store, claim, LEASE_S)


def claimed(store: JobStore, lease_s: float) -> Claim:
    claim = store.claim(added(store), "somebody", lease_s)
    assert claim is not None
    return claim


def pass_time(clock: Clock, database: Database, claim: Claim, seconds: float) -> None:
    """Let time pass for the keeper, and for the database too."""
    clock.now += seconds
    ends_at = row_of(database, claim.lease.job_id)["lease_expires_at"]
    update_row(database, claim.lease.job_id, lease_expires_at=ends_at - timedelta(seconds=seconds))


def ask(keeper: LeaseKeeper) -> None:
    """Ask for a renewal if it is time to, and for what became of it; meanwhile the keeper's clock stands still."""

    def is_over() -> bool:
        keeper.renew_if_due()
        return keeper._request is None

    wait_until(is_over)


@contextmanager
def held(turn: Path) -> Iterator[None]:
    """Be the writer whose turn it is."""
    with turn.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_it_is_renewed_again_and_again(
    keeper: LeaseKeeper, claim: Claim, store: JobStore, database: Database, clock: Clock
) -> None:
    for _ in range(6):
        pass_time(clock, database, claim, keeper.due_in_s)
        assert store.expire_leases() == ([], [])
        ask(keeper)
    assert clock.now >= claim.begun_at + 2 * LEASE_S


def test_it_is_not_renewed_by_itself(store: JobStore) -> None:
    """A supervisor that hangs must lose it."""
    keeper = LeaseKeeper(store, claimed(store, 1), 1)
    wait_until(lambda: any(store.expire_leases()))
    assert keeper.due_in_s == 0


def test_it_is_asked_for_a_third_of_the_way(keeper: LeaseKeeper) -> None:
    assert keeper.due_in_s == pytest.approx(LEASE_S / 3)


def test_one_given_to_another_worker_is_lost(
    keeper: LeaseKeeper, claim: Claim, store: JobStore, database: Database, clock: Clock
) -> None:
    let_lease_run_out(database, claim.lease.job_id)
    store.expire_leases()
    clock.now += keeper.due_in_s
    with pytest.raises(LeaseLost, match="another worker"):
        ask(keeper)


def test_one_nobody_took_from_a_worker_that_was_paused_is_kept(
    store: JobStore, claim: Claim, database: Database
) -> None:
    let_lease_run_out(database, claim.lease.job_id)
    keeper = LeaseKeeper(store, replace(claim, begun_at=claim.begun_at - 3600), LEASE_S)
    keeper.renew_if_due()
    assert keeper.due_in_s > 0, "there is time for an answer"
    ask(keeper)
    assert store.expire_leases() == ([], [])
    assert keeper.due_in_s == pytest.approx(LEASE_S / 3)


class TestADatabaseThatDoesNotAnswer:
    @pytest.fixture
    def turn(self, sqlite_database_url: str) -> Path:
        return Path(sqlite_database_url.removeprefix("sqlite:///") + ".lock")

    @pytest.fixture
    def store(self, sqlite_database: Database) -> JobStore:
        return JobStore(sqlite_database, DatabaseQueue(sqlite_database))

    def test_is_never_waited_for(self, keeper: LeaseKeeper, claim: Claim, turn: Path, clock: Clock) -> None:
        with held(turn):
            clock.now += keeper.due_in_s
            keeper.renew_if_due()
            request = keeper._request
            assert request is not None
            clock.now += keeper.due_in_s
            with pytest.raises(LeaseLost, match="does not answer"):
                keeper.renew_if_due()
            assert not request.answer.done()
        assert clock.now - claim.begun_at < LEASE_S

    def test_may_come_back_in_time(
        self, keeper: LeaseKeeper, claim: Claim, turn: Path, store: JobStore, sqlite_database: Database, clock: Clock
    ) -> None:
        pass_time(clock, sqlite_database, claim, keeper.due_in_s)
        with held(turn):
            keeper.renew_if_due()
            clock.now = claim.begun_at + LEASE_S * 0.6
            keeper.renew_if_due()
        ask(keeper)
        # Counted from when it was asked for: the database's clock may have started then.
        assert keeper.due_in_s == pytest.approx(LEASE_S * (2 / 3 - 0.6))
        pass_time(clock, sqlite_database, claim, LEASE_S * 0.7)
        assert store.expire_leases() == ([], [])

    def test_that_refuses_is_asked_again_until_the_lease_is_about_to_run_out(
        self, keeper: LeaseKeeper, claim: Claim, turn: Path, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        turn.unlink(missing_ok=True)
        turn.mkdir()

        def ask_whenever_due() -> None:
            while clock.now < claim.begun_at + LEASE_S:
                clock.now += keeper.due_in_s
                ask(keeper)

        with pytest.raises(LeaseLost, match="does not answer"):
            ask_whenever_due()
        assert clock.now - claim.begun_at < LEASE_S
        assert caplog.messages.count("lease.not_renewed") >= 3
