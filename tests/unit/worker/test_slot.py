"""How a slot waits while the storage or the database is away."""

from collections.abc import Callable

import pytest

from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import Claim, JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.worker.runner import JobRunner
from reelwork.worker.slot import Slot
from reelwork.worker.stop import StopRequest
from tests.support.jobs import make_job

LEASE_S = 60.0


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
