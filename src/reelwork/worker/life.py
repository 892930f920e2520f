"""Show that this worker lives, and what it has done, in the worker table."""

import threading
from uuid import uuid4

from reelwork.errors import ServiceUnavailable
from reelwork.jobs.counters import Counters, Counts
from reelwork.jobs.worker_table import WorkerTable
from reelwork.worker.chore import Chore

_EVERY_S = 13.0
_FORGET_EVERY_S = 3600.0
_SAY_GOODBYE_S = 2.0


class SignsOfLife:
    """Writes them from time to time, beside everything else; that a write fails or hangs is of no consequence."""

    def __init__(self, name: str, workers: WorkerTable, counters: Counters) -> None:
        self._name = name
        self._workers = workers
        self._counters = counters
        self._id = uuid4()
        self._written: Counts | None = None
        self._chores = [
            Chore("worker.life", self.show, _EVERY_S),
            Chore("worker.past", workers.forget_long_gone, _FORGET_EVERY_S),
        ]

    @property
    def due_in_s(self) -> float:
        """Seconds until ``show_if_due`` must be called again."""
        return min(chore.due_in_s for chore in self._chores)

    def show_if_due(self) -> None:
        """Write if it is time to; returns at once."""
        for chore in self._chores:
            chore.begin_if_due()

    def show(self, *, stopped: bool = False) -> None:
        """Write now.

        Raises:
            ServiceUnavailable: The database does not answer.
        """
        counts: Counts = self._counters.counts()
        if self._written is None or not self._workers.show_life(self._id, counts, stopped=stopped):
            counts = self._begin_anew()
        self._written = counts

    def end(self) -> None:
        """Write that this worker stops, unless that takes long."""
        last = threading.Thread(target=self._say_goodbye, name="worker-goodbye", daemon=True)
        last.start()
        last.join(_SAY_GOODBYE_S)

    def _begin_anew(self) -> Counts:
        """Make a row. If there was one, this worker was taken for long gone and its numbers are in the past's."""
        if self._written is not None:
            self._counters.take_back(self._written)
        self._id = uuid4()
        counts = self._counters.counts()
        self._workers.begin(self._id, self._name, counts)
        return counts

    def _say_goodbye(self) -> None:
        for chore in self._chores:
            chore.wait(_SAY_GOODBYE_S)
        try:
            if self._written is not None:
                self.show(stopped=True)
        except ServiceUnavailable:
            return  # it will be missed without
