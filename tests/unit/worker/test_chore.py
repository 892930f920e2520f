"""What is done from time to time: at once, not again before its time, and never twice at a time."""

import threading

import pytest

from reelwork.errors import ServiceUnavailable
from reelwork.worker.chore import Chore
from tests.support.clock import Clock


class Work:
    """Counts how often it was done; raises what it is told to."""

    def __init__(self) -> None:
        self.done = 0
        self.raising: Exception | None = None

    def __call__(self) -> None:
        self.done += 1
        if self.raising is not None:
            raise self.raising


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def chore(clock: Clock, work: Work) -> Chore:
    return Chore("sweeping", work, every_s=3600)


def begin(chore: Chore) -> None:
    chore.begin_if_due()
    chore.wait(10)


def test_at_once_and_then_when_it_is_time_again(chore: Chore, work: Work, clock: Clock) -> None:
    begin(chore)
    assert work.done == 1
    clock.now += 3599
    begin(chore)
    assert work.done == 1
    clock.now += 362
    begin(chore)
    assert work.done == 2


def test_what_does_not_answer_is_tried_again_soon(
    chore: Chore, work: Work, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    work.raising = ServiceUnavailable("The database does not answer.")
    begin(chore)
    assert "sweeping.waiting" in caplog.messages
    clock.now += 67
    begin(chore)
    assert work.done == 2


def test_a_mistake_is_logged_and_ends_nothing(
    chore: Chore, work: Work, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    work.raising = ZeroDivisionError()
    begin(chore)
    assert "sweeping.failed" in caplog.messages
    clock.now += 67
    begin(chore)
    assert work.done == 1


def test_the_next_time_waits_for_the_end_of_this_one(clock: Clock) -> None:
    begun, may_end = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        may_end.wait()

    chore = Chore("sweeping", work, every_s=1)
    chore.begin_if_due()
    assert begun.acquire(timeout=10)
    clock.now += 10
    chore.begin_if_due()
    may_end.set()
    chore.wait(10)
    assert not begun.acquire(blocking=False)
    begin(chore)
    assert begun.acquire(blocking=False)
