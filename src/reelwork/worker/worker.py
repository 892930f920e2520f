"""The worker's process: slots that run jobs side by side, and the housekeeping meanwhile."""

import logging
import os
import threading
from collections.abc import Sequence

from reelwork.errors import ServiceUnavailable
from reelwork.queues.service import QueueService
from reelwork.tracing import stop_tracing
from reelwork.worker.life import SignsOfLife
from reelwork.worker.rescue import Rescue
from reelwork.worker.slot import Slot
from reelwork.worker.stop import StopRequest

log = logging.getLogger(__name__)

_BEYOND_GRACE_S = 5.0
_LOOK_EVERY_S = 0.1
_HOUR_S = 3600.0


class Worker:
    """Runs jobs until it is asked to stop.

    Each slot has a thread, which only waits and writes to the database: the work itself is done in the
    slot's child process.
    """

    def __init__(
        self,
        name: str,
        queue: QueueService,
        slots: Sequence[Slot],
        rescue: Rescue,
        stop: StopRequest,
        life: SignsOfLife | None = None,
    ) -> None:
        self._name = name
        self._queue = queue
        self._slots = slots
        self._rescue = rescue
        self._stop = stop
        self._life = life
        self._ended = threading.Event()
        self._broken: BaseException | None = None

    def run(self) -> None:
        """Work until asked to stop.

        Raises:
            Whatever a slot could not handle, after the other slots have stopped.
        """
        log.info("worker.started", extra={"worker": self._name, "slots": len(self._slots)})
        threading.Thread(target=self._end_in_any_case, name="end-in-any-case", daemon=True).start()
        threads = [threading.Thread(target=self._work, args=(slot,)) for slot in self._slots]
        for thread in threads:
            thread.start()
        while not self._stop.asked:
            self._stop.wait(self._keep_house())
        self._queue.close()
        for thread in threads:
            thread.join()
        if self._life is not None:
            self._life.end()
        stop_tracing()
        self._ended.set()
        log.info("worker.stopped", extra={"worker": self._name})
        if self._broken is not None:
            raise self._broken

    def _work(self, slot: Slot) -> None:
        try:
            slot.work()
        except BaseException as error:
            log.exception("worker.broken", extra={"worker": self._name})
            self._broken = error
            self._stop.ask()

    def _end_in_any_case(self) -> None:
        """End the process soon after its grace: a thread that waits for a database that hangs does not end.

        The analysis processes end with it, and what is left running is rescued when its lease is over.
        """
        while not self._stop.asked:
            self._stop.wait(_HOUR_S)
        while self._stop.grace_left_s != 0:  # a second request ends the grace
            if self._ended.wait(_LOOK_EVERY_S):
                return
        if not self._ended.wait(_BEYOND_GRACE_S):
            log.error("worker.abandoned", extra={"worker": self._name})
            os._exit(1)

    def _keep_house(self) -> float:
        """Do what is due; return in how many seconds to look again."""
        if self._life is not None:
            self._life.show_if_due()
        try:
            self._rescue.run_if_due()
        except ServiceUnavailable as error:
            log.warning("rescue.waiting", extra={"reason": str(error)})
        due_in_s = self._rescue.due_in_s
        return due_in_s if self._life is None else min(due_in_s, self._life.due_in_s)
