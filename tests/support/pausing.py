"""Stop a process while nobody writes: one that is stopped in its turn holds up every writer of an SQLite file.

A process that is to stop itself runs this as a command: `python pausing.py PID LOCK`.
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def pause_between_writes(pid: int, lock: Path) -> None:
    """Stop a process, and return when all its threads are.

    Args:
        pid: The process.
        lock: The file that writers lock when it is their turn.
    """
    with _turn(lock):
        _pause(pid)


def is_paused(pid: int) -> bool:
    """Whether SIGSTOP holds all threads of a process."""
    return _states(pid) == {"T"}


def state(pid: int) -> str:
    """Return the letter the kernel gives for what a process does: T when it is stopped, Z for a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextmanager
def _turn(lock: Path) -> Iterator[None]:
    with lock.open("rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


def _pause(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    while not _states(pid) <= {"T", "Z", "X", ""}:  # it may be killed meanwhile
        time.sleep(0.001)


def _states(pid: int) -> set[str]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return {state(int(thread.name)) for thread in Path(f"/proc/{pid}/task").iterdir()}
    return set()


def _pause_parent(pid: int, lock: Path) -> None:
    """Do it for the process that started this one and waits for it."""
    signal.alarm(5)  # it may wait in its own turn, which does not come then
    with _turn(lock):
        signal.alarm(60)  # somebody may have woken it up before it was seen to sleep
        _pause(pid)


if __name__ == "__main__":
    _pause_parent(int(sys.argv[1]), Path(sys.argv[2]))
