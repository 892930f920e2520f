"""How a slot waits: for work, for the end of a rest, for a storage or a database that is away."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

import pytest

from reelwork.db.engine import Database
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.model import Job
from reelwork.jobs.store import Claim, JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.memory import MemoryQueue
from reelwork.storage.local import LocalStorage
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.rescue import Rescue
from reelwork.worker.retention import Retention
from reelwork.worker.runner import JobRunner
from reelwork.worker.slot import Slot
from reelwork.worker.stop import StopRequest
from reelwork.worker.worker import Worker
from tests.support.jobs import make_job
from tests.support.uploads import abandoned_uploads
from tests.support.waiting import wait_until

LEASE_S = 60.0
NEVER_S = 600.0
"""Longer than any test waits."""


class Waits(StopRequest):
    """Counts how long it was waited for, without letting it pass, and asks to stop in the end."""

    def __init__(self, most: int) -> None:
        super().__init__(0)
        self._most = most
        self.waited_s: list[float] = []

    def wait(self, timeout_s: float) -> None:
        self.waited_s.append(timeout_s)
        if len(self.waited_s) == self._most:
            self.ask()


class Runner(JobRunner):
    """Completes each job that comes when it is told to, and hands back the others."""

    def __init__(self, store: JobStore, succeeds: Callable[[], bool]) -> None:
        self._store = store
        self._succeeds = succeeds

    def warm_up(self) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, claim: Claim) -> None:
        if self._succeeds():
            assert self._store.complete(claim.lease, "results")
            return
        assert self._store.release(claim.lease)
        raise ServiceUnavailable("The file storage is away.")


@pytest.fixture
def make_slot(store: JobStore, database_queue: DatabaseQueue) -> Callable[[Waits, Callable[[], bool]], Slot]:
    def make(stop: Waits, succeeds: Callable[[], bool]) -> Slot:
        return Slot("worker", database_queue, store, Runner(store, succeeds), stop, LEASE_S)

    return make


def test_waits_longer_and_longer(store: JobStore, make_slot: Callable[..., Slot]) -> None:
    store.add(make_job())
    stop = Waits(most=7)
    make_slot(stop, lambda: False).work()
    assert stop.waited_s == [1, 2, 4, 8, 10, 10, 10]


def test_begins_anew_after_a_job(store: JobStore, make_slot: Callable[..., Slot]) -> None:
    for _ in range(2):
        store.add(make_job())
    stop = Waits(most=5)
    answers = iter([False, False, False, True, False, False])
    make_slot(stop, lambda: next(answers)).work()
    assert stop.waited_s == [1, 2, 4, 1, 2]


def test_begins_anew_after_a_good_while(store: JobStore, make_slot: Callable[..., Slot]) -> None:
    store.add(make_job())
    stop = Waits(most=5)

    def fails_late() -> bool:
        if len(stop.waited_s) == 3:
            slot._backed_off_at -= 11
        return False

    slot = make_slot(stop, fails_late)
    slot.work()
    assert stop.waited_s == [1, 2, 4, 1, 2]


class Asked(DatabaseQueue):
    """Notes how long each hint is waited for at the most."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.timeouts_s: list[float] = []

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        self.timeouts_s.append(timeout_s)
        return super().dequeue(timeout_s)


def test_does_jobs_without_hints_one_after_the_other(database: Database) -> None:
    """And does not wait for the next look between them."""
    queue = Asked(database)
    store = JobStore(database, MemoryQueue())
    for _ in range(5):
        store.add(make_job())
    stop = StopRequest(0)
    left = iter(range(4, -1, -1))

    def succeeds() -> bool:
        if next(left) == 0:
            stop.ask()
        return True

    Slot("worker", queue, store, Runner(store, succeeds), stop, LEASE_S).work()
    assert next(left, None) is None
    assert queue.timeouts_s == [0] * 4


class StopsAfterOne(Runner):
    """Completes a job, notes when it came, and asks to stop."""

    def __init__(self, store: JobStore, stop: StopRequest) -> None:
        super().__init__(store, lambda: True)
        self._stop = stop
        self.began_at = 0.0

    def run(self, claim: Claim) -> None:
        self.began_at = time.monotonic()
        super().run(claim)
        self._stop.ask()


@pytest.mark.parametrize("known", [True, False], ids=["before it waits", "while it waits"])
def test_begins_a_job_when_its_rest_is_over(database: Database, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not when it looks the next time."""
    monkeypatch.setattr("reelwork.worker.slot._LOOK_EVERY_S", NEVER_S)
    queue = DatabaseQueue(database, poll_interval_s=NEVER_S)
    store = JobStore(database, queue, AttemptPolicy(rest_s=1.0))
    stop = StopRequest(0)
    runner = StopsAfterOne(store, stop)
    slot = Slot("worker", queue, store, runner, stop, LEASE_S)
    thread = threading.Thread(target=slot.work, daemon=True)
    if not known:
        thread.start()
        wait_until(lambda: slot._look_at > 0)
    lease = begun(store, make_job())
    before = time.monotonic()
    store.lose_attempt(lease, "It crashed")
    if known:
        thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert runner.began_at - before > 0.9


def begun(store: JobStore, job: Job) -> Lease:
    """Add a job that a slot cannot take, and claim it for another worker."""
    elsewhere = JobStore(store._database, MemoryQueue())
    elsewhere.add(job)
    claim = elsewhere.claim(job.job_id, "other", LEASE_S)
    assert claim is not None
    return claim.lease


def test_an_idle_worker_ends_at_once(
    database: Database, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for interval in ("slot._LOOK_EVERY_S", "rescue._LEASES_EVERY_S"):
        monkeypatch.setattr(f"reelwork.worker.{interval}", NEVER_S)
    queue = DatabaseQueue(database, poll_interval_s=NEVER_S)
    store = JobStore(database, queue)
    stop = StopRequest(NEVER_S)
    slots = [Slot("worker", queue, store, Runner(store, lambda: True), stop, LEASE_S) for _ in range(3)]
    orphaned, abandoned = OrphanedFiles(store, storage, 3600), abandoned_uploads(database, storage, 3600)
    rescue = Rescue(store, orphaned, Retention(store, storage, 0), abandoned, lease_s=3 * NEVER_S, retention_s=0)
    worker = threading.Thread(target=Worker("worker", queue, slots, rescue, stop).run, daemon=True)
    worker.start()
    wait_until(lambda: all(slot._look_at > 0 for slot in slots))
    stop.ask()
    worker.join(30)
    assert not worker.is_alive()
    for chore in rescue._chores:
        chore.wait(30)
    # What ends a worker that hangs must not end a process that goes on.
    wait_until(lambda: "end-in-any-case" not in {thread.name for thread in threading.enumerate()})
