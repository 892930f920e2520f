"""A lease is renewed when its keeper is asked to, and known to be lost before it is over."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from reelwork.db.engine import Database
from reelwork.jobs.store import Claim, JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.worker.lease import LeaseKeeper, LeaseLost
from tests.support.databases import rows
from tests.support.job_rows import let_lease_run_out
from tests.support.jobs import make_job
from tests.support.waiting import wait_until

LEASE_S = 3.0


@pytest.fixture
def claim(store: JobStore) -> Claim:
    job = make_job()
    store.add(job)
    claim = store.claim(job.job_id, "somebody", LEASE_S)
    assert claim is not None
    return claim


@pytest.fixture
def keeper(store: JobStore, claim: Claim) -> LeaseKeeper:
    return LeaseKeeper(store, claim, LEASE_S)


def expiry(database: Database) -> object:
    [row] = rows(database, "SELECT lease_expires_at FROM job WHERE status = 'running'")
    return row["lease_expires_at"]


def ask_again_and_again(keeper: LeaseKeeper, until: Callable[[], bool] = lambda: False) -> None:
    def ask() -> bool:
        keeper.renew_if_due()
        return until()

    wait_until(ask)


@contextmanager
def held(turn: Path) -> Iterator[None]:
    """Be the writer whose turn it is."""
    with turn.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_it_is_renewed_again_and_again(keeper: LeaseKeeper, claim: Claim, store: JobStore) -> None:
    over_at = claim.begun_at + 2 * LEASE_S
    ask_again_and_again(keeper, lambda: time.monotonic() > over_at)
    assert store.expire_leases() == ([], [])


def test_it_is_not_renewed_by_itself(keeper: LeaseKeeper, claim: Claim, store: JobStore) -> None:
    """A supervisor that hangs must lose it."""
    wait_until(lambda: any(store.expire_leases()))


def test_it_is_asked_for_a_third_of_the_way(keeper: LeaseKeeper) -> None:
    assert LEASE_S / 5 < keeper.due_in_s <= LEASE_S / 3


def test_one_given_to_another_worker_is_lost(
    keeper: LeaseKeeper, claim: Claim, store: JobStore, database: Database
) -> None:
    let_lease_run_out(database, claim.lease.job_id)
    store.expire_leases()
    with pytest.raises(LeaseLost, match="another worker"):
        ask_again_and_again(keeper)


def test_one_nobody_took_from_a_worker_that_was_paused_is_kept(
    store: JobStore, claim: Claim, database: Database
) -> None:
    let_lease_run_out(database, claim.lease.job_id)
    before = expiry(database)
    keeper = LeaseKeeper(store, replace(claim, begun_at=claim.begun_at - 3600), LEASE_S)
    ask_again_and_again(keeper, lambda: expiry(database) != before)
    ask_again_and_again(keeper, lambda: keeper.due_in_s > 0)


class TestADatabaseThatDoesNotAnswer:
    @pytest.fixture
    def turn(self, sqlite_database_url: str) -> Path:
        return Path(sqlite_database_url.removeprefix("sqlite:///") + ".lock")

    @pytest.fixture
    def store(self, sqlite_database: Database) -> JobStore:
        return JobStore(sqlite_database, DatabaseQueue(sqlite_database))

    def test_is_never_waited_for(self, keeper: LeaseKeeper, claim: Claim, turn: Path) -> None:
        longest_s = 0.0

        def ask_when_due() -> None:
            nonlocal longest_s
            while True:
                time.sleep(keeper.due_in_s)
                asked_at = time.monotonic()
                keeper.renew_if_due()
                longest_s = max(longest_s, time.monotonic() - asked_at)

        with held(turn), pytest.raises(LeaseLost, match="does not answer"):
            ask_when_due()
        assert longest_s < LEASE_S / 5
        assert time.monotonic() - claim.begun_at < LEASE_S

    def test_may_come_back_in_time(self, keeper: LeaseKeeper, claim: Claim, turn: Path, store: JobStore) -> None:
        with held(turn):
            until = claim.begun_at + LEASE_S * 0.6
            ask_again_and_again(keeper, lambda: time.monotonic() > until)
        until = claim.begun_at + 2 * LEASE_S
        ask_again_and_again(keeper, lambda: time.monotonic() > until)
        assert store.expire_leases() == ([], [])

    def test_that_refuses_is_asked_again_until_the_lease_is_about_to_run_out(
        self, keeper: LeaseKeeper, claim: Claim, turn: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        turn.unlink(missing_ok=True)
        turn.mkdir()
        with pytest.raises(LeaseLost, match="does not answer"):
            ask_again_and_again(keeper)
        assert time.monotonic() - claim.begun_at < LEASE_S
        assert caplog.messages.count("lease.not_renewed") >= 3
