"""What an API key may have pending and running, on SQLite and on PostgreSQL, also when many submit at once."""

from collections.abc import Callable
from typing import Any

import pytest

from reelwork.access.caller import QueueLimits, Scope
from reelwork.access.store import KeyStore
from reelwork.db.engine import Database
from reelwork.errors import KeyLimitReached
from reelwork.jobs.store import JobStore
from tests.support.concurrency import in_threads
from tests.support.databases import rows
from tests.support.job_moves import added, claimed, waiting_hints
from tests.support.jobs import make_job


@pytest.fixture
def key(database: Database) -> Callable[..., str]:
    """Makes a key with limits; returns its id."""
    return lambda jobs=None, size=None: KeyStore(database).make("k", [Scope.SUBMIT], QueueLimits(jobs, size)).key_id


def refused(store: JobStore, **columns: Any) -> KeyLimitReached:
    with pytest.raises(KeyLimitReached) as caught:
        store.add(make_job(**columns))
    return caught.value


def test_one_more_job_than_allowed(database: Database, store: JobStore, key: Callable[..., str]) -> None:
    owner = key(jobs=2)
    for _ in range(2):
        added(store, owner=owner, input_bytes=10)
    error = refused(store, owner=owner, input_bytes=10)
    assert (error.queued_jobs, error.queued_bytes) == (2, 20)
    assert (error.max_queued_jobs, error.max_queued_bytes) == (2, None)
    assert len(rows(database, "SELECT * FROM job")) == 2


def test_a_refused_job_leaves_no_hint(store: JobStore, database_queue: Any, key: Callable[..., str]) -> None:
    owner = key(jobs=1)
    job_id = added(store, owner=owner)
    refused(store, owner=owner)
    assert waiting_hints(database_queue) == [job_id]


def test_more_bytes_than_allowed(store: JobStore, key: Callable[..., str]) -> None:
    owner = key(size=2**33)
    added(store, owner=owner, input_bytes=2**32)
    error = refused(store, owner=owner, input_bytes=2**32 + 1)
    assert (error.queued_jobs, error.queued_bytes, error.max_queued_bytes) == (1, 2**32, 2**33)
    added(store, owner=owner, input_bytes=2**32)


def test_running_jobs_count_and_those_that_are_over_do_not(store: JobStore, key: Callable[..., str]) -> None:
    owner = key(jobs=1)
    lease = claimed(store, added(store, owner=owner))
    refused(store, owner=owner)
    store.fail(lease, "It broke.")
    added(store, owner=owner)


def test_other_keys_and_nobody_are_not_touched(store: JobStore, key: Callable[..., str]) -> None:
    limited, other = key(jobs=1), key(jobs=1)
    added(store, owner=limited)
    for owner in (other, key(), None, None):
        added(store, owner=owner)
    refused(store, owner=limited)


def test_early_refusal(store: JobStore, key: Callable[..., str]) -> None:
    by_jobs, by_bytes = key(jobs=1), key(size=100)
    for owner in (by_jobs, by_bytes, None, key()):
        store.require_room(owner)
    added(store, owner=by_jobs, input_bytes=1)
    added(store, owner=by_bytes, input_bytes=99)
    store.require_room(by_bytes)
    added(store, owner=by_bytes, input_bytes=1)
    for owner in (by_jobs, by_bytes):
        with pytest.raises(KeyLimitReached):
            store.require_room(owner)


def test_what_is_run_again_counts(database: Database, store: JobStore, key: Callable[..., str]) -> None:
    owner = key(jobs=1)
    lease = claimed(store, added(store, owner=owner, input_bytes=7))
    store.fail(lease, "It broke.")
    waiting = added(store, owner=owner, input_bytes=5)
    with pytest.raises(KeyLimitReached) as caught:
        store.retry(lease.job_id)
    assert (caught.value.queued_jobs, caught.value.queued_bytes) == (1, 5)
    failed = store.get(lease.job_id)
    assert failed is not None
    assert (failed.status, failed.error_message) == ("failed", "It broke.")
    store.delete(waiting)
    assert store.retry(lease.job_id)


@pytest.mark.parametrize("limits", [{"jobs": 5}, {"size": 50}])
def test_of_many_at_once_just_as_many_as_allowed_come_in(
    database: Database, store: JobStore, key: Callable[..., str], limits: dict[str, int]
) -> None:
    owner = key(**limits)

    def submit(number: int) -> bool:
        try:
            added(store, owner=owner, input_bytes=10)
        except KeyLimitReached:
            return False
        return True

    assert sum(in_threads(12, submit)) == 5
    assert len(rows(database, "SELECT * FROM job")) == 5
