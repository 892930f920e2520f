"""Writers of one SQLite file, in whatever thread or process, take turns in the order in which they came."""

import fcntl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reelwork.errors import ServiceUnavailable

LONGEST_WAIT_S = 10.0


class WriterTurns:
    """A fair lock on a file, waited for no longer than ``longest_wait_s``.

    SQLite has one writer at a time and lets the others try again and again, so that some of them starve;
    the kernel queues those who wait for ``flock``. That wait has no time limit, and a process that was
    paused in its turn would stop all others. So it is done by a thread that can be left waiting: its place
    goes to the next writer of this process who has to wait, which keeps such threads few.
    """

    def __init__(self, path: Path, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self._path = path
        self._longest_wait_s = longest_wait_s
        self._mutex = threading.Lock()
        self._left: deque[_Place] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it for the time of the block.

        Raises:
            ServiceUnavailable: It did not come, or the lock file cannot be opened.
        """
        place = self._place()
        try:
            if not place.has_turn.wait(self._longest_wait_s):
                raise ServiceUnavailable(f"Another writer has kept the database busy for {self._longest_wait_s:g} s.")
            yield
        finally:
            self._end(place)

    def _place(self) -> "_Place":
        with self._mutex:
            if self._left:
                return self._left.popleft()
        try:
            place = _Place(self._path)
        except OSError as error:
            raise ServiceUnavailable("The database directory cannot be written to.") from error
        if not place.take_if_free():
            threading.Thread(target=self._wait, args=(place,), name="writer-turn", daemon=True).start()
        return place

    def _wait(self, place: "_Place") -> None:
        place.take()
        with self._mutex:
            if place in self._left:
                self._left.remove(place)
                place.give_up()
            else:
                place.has_turn.set()

    def _end(self, place: "_Place") -> None:
        with self._mutex:
            if place.has_turn.is_set():
                place.give_up()
            else:
                self._left.append(place)


class _Place:
    """A place in the line: an open file of its own, for that is what ``flock`` queues."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self.has_turn = threading.Event()

    def take_if_free(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.has_turn.set()
        return True

    def take(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def give_up(self) -> None:
        # Closing alone would not do: a process forked meanwhile has the file open too.
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._file.close()
