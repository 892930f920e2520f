"""Writers take turns: fairly, and not for ever."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwork.db.turns import WriterTurns
from reelwork.errors import ServiceUnavailable
from tests.support.concurrency import in_threads
from tests.support.pausing import state
from tests.support.waiting import wait_until
from tests.support.writer_processes import waiting_for

PROCESSES = "tests.support.writer_processes"


@pytest.fixture
def lock_path(tmp_path: Path) -> Path:
    return tmp_path / "reelwork.db.lock"


@pytest.fixture
def paused(lock_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that was stopped in its turn."""
    command = [sys.executable, "-m", PROCESSES, "pause_in_a_turn", str(lock_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"stopped\n"
        wait_until(lambda: state(process.pid) == "T")  # to go on only then
        yield process
        os.kill(process.pid, signal.SIGCONT)


def waiting_threads() -> int:
    return sum(thread.name == "writer-turn" for thread in threading.enumerate())


def take_a_turn(turns: WriterTurns) -> float:
    began = time.monotonic()
    with turns.turn():
        return time.monotonic() - began


def refused_after(turns: WriterTurns) -> float:
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable, match="busy"):
        take_a_turn(turns)
    return time.monotonic() - began


def test_turns_exclude_each_other(lock_path: Path) -> None:
    turns = [WriterTurns(lock_path), WriterTurns(lock_path)]
    inside: list[int] = []

    def work(number: int) -> None:
        for _ in range(50):
            with turns[number % 2].turn():
                inside.append(number)
                assert inside == [number]
                inside.remove(number)

    in_threads(6, work)


def test_who_waited_longest_comes_first(lock_path: Path) -> None:
    turns = WriterTurns(lock_path)
    came: list[int] = []

    def work(number: int) -> None:
        with turns.turn():
            came.append(number)

    waiting = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    with turns.turn():
        for number, thread in enumerate(waiting):
            thread.start()
            wait_until(lambda: waiting_for(lock_path) == number + 1)  # noqa: B023
    for thread in waiting:
        thread.join(20)
    assert came == [0, 1, 2, 3]


class TestAProcessPausedInItsTurn:
    def test_stops_others_no_longer_than_said(self, lock_path: Path, paused: object) -> None:
        assert 0.2 <= refused_after(WriterTurns(lock_path, longest_wait_s=0.2)) < 2

    def test_leaves_no_more_threads_waiting_than_writers(self, lock_path: Path, paused: object) -> None:
        wait_until(lambda: not waiting_threads())  # those of other tests
        turns = WriterTurns(lock_path, longest_wait_s=0.05)
        for _ in range(5):
            refused_after(turns)
        assert waiting_threads() == 1
        in_threads(3, lambda _: refused_after(turns))
        assert waiting_threads() <= 3

    def test_gives_its_turn_on_when_it_goes_on(self, lock_path: Path, paused: "subprocess.Popen[bytes]") -> None:
        turns = WriterTurns(lock_path, longest_wait_s=0.1)
        refused_after(turns)
        os.kill(paused.pid, signal.SIGCONT)
        wait_until(lambda: not waiting_threads())
        assert take_a_turn(WriterTurns(lock_path)) < 5
        assert take_a_turn(turns) < 5

    def test_gives_its_turn_on_when_it_is_killed(self, lock_path: Path, paused: "subprocess.Popen[bytes]") -> None:
        turns = WriterTurns(lock_path)
        waited: list[float] = []
        waiting = threading.Thread(target=lambda: waited.append(take_a_turn(turns)))
        waiting.start()
        wait_until(lambda: waiting_for(lock_path) == 1)
        os.kill(paused.pid, signal.SIGKILL)
        waiting.join(20)
        assert len(waited) == 1

    def test_a_place_that_was_left_is_used_by_the_next_writer(
        self, lock_path: Path, paused: "subprocess.Popen[bytes]"
    ) -> None:
        turns = WriterTurns(lock_path, longest_wait_s=0.05)
        refused_after(turns)
        wait_until(lambda: waiting_for(lock_path) == 1)
        turns._longest_wait_s = 20
        waiting = threading.Thread(target=take_a_turn, args=(turns,))
        waiting.start()
        wait_until(lambda: not turns._left)
        assert waiting_for(lock_path) == 1
        os.kill(paused.pid, signal.SIGCONT)
        waiting.join(20)
        assert not waiting.is_alive()


def test_a_process_forked_in_a_turn_does_not_keep_it(lock_path: Path) -> None:
    """It has the lock file open too, as every child has between fork and exec."""
    turns = WriterTurns(lock_path, longest_wait_s=2)
    with turns.turn():
        descriptors = [int(link.name) for link in Path("/proc/self/fd").iterdir() if _points_at(link, lock_path)]
        child = subprocess.Popen(["sleep", "60"], pass_fds=descriptors)
    try:
        assert take_a_turn(turns) < 2
    finally:
        child.kill()
        child.wait()


def _points_at(link: Path, target: Path) -> bool:
    try:
        return link.readlink() == target
    except FileNotFoundError:  # the one that listed the directory
        return False


def test_a_lock_file_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="cannot be written to"):
        take_a_turn(WriterTurns(tmp_path / "nothing" / "x.lock"))
