"""One job at a time: find one, claim it, run it."""

import logging
import time
from uuid import UUID

from reelwork import faults
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import Claim, JobStore
from reelwork.queues.service import QueueService
from reelwork.worker.runner import JobRunner
from reelwork.worker.stop import StopRequest

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 10.0
_SHORTEST_WAIT_S = 0.02  # another worker may be taking the job whose rest is over
_BACK_OFF_S = 1.0
_LONGEST_BACK_OFF_S = 10.0


class Slot:
    """Runs jobs until asked to stop.

    Hints make it quick; that it finds every job does not depend on them: it looks into the job table
    itself from time to time, and when the first rest there is over.
    """

    def __init__(
        self, name: str, queue: QueueService, store: JobStore, runner: JobRunner, stop: StopRequest, lease_s: float
    ) -> None:
        self._name = name
        self._queue = queue
        self._store = store
        self._runner = runner
        self._stop = stop
        self._lease_s = lease_s
        self._look_at = 0.0
        self._found_by_looking = False
        self._back_off_s = _BACK_OFF_S
        self._backed_off_at = 0.0

    def work(self) -> None:
        """Work until asked to stop; a database or storage that is gone is waited for."""
        self._runner.warm_up()
        try:
            while not self._stop.asked:
                try:
                    self._work_once()
                except ServiceUnavailable as error:
                    self._back_off(error)
        finally:
            self._runner.close()

    def _work_once(self) -> None:
        claim = self._look() if time.monotonic() >= self._look_at else self._follow_hint()
        if claim is None:
            return
        extra = {"job_id": str(claim.lease.job_id), "attempt": claim.lease.attempt, "worker": self._name}
        log.info("job.running", extra=extra)
        faults.point("job.claimed")
        self._runner.run(claim)
        self._back_off_s = _BACK_OFF_S

    def _back_off(self, error: ServiceUnavailable) -> None:
        """Wait twice as long each time, until a job succeeds or nothing has failed for a good while."""
        if time.monotonic() - self._backed_off_at > _LONGEST_BACK_OFF_S:
            self._back_off_s = _BACK_OFF_S
        extra = {"reason": str(error), "again_in_s": self._back_off_s}
        log.warning("worker.waiting", extra=extra, exc_info=True)
        self._stop.wait(self._back_off_s)
        self._back_off_s = min(2 * self._back_off_s, _LONGEST_BACK_OFF_S)
        self._backed_off_at = time.monotonic()

    def _look(self) -> Claim | None:
        """Claim what has waited longest, hint or no hint."""
        claim = self._store.claim_next(self._name, self._lease_s)
        self._found_by_looking = claim is not None
        wait_s = _LOOK_EVERY_S
        if claim is None and (rest_s := self._store.rest_over_in_s()) is not None:
            wait_s = min(wait_s, max(rest_s, _SHORTEST_WAIT_S))
        self._look_at = time.monotonic() + wait_s
        return claim

    def _follow_hint(self) -> Claim | None:
        job_id = self._hint()
        if job_id is None and self._found_by_looking:
            self._look_at = 0.0  # more jobs may wait whose hints were lost
        if job_id is None or self._stop.asked:
            return None
        faults.point("hint.taken")
        claim = self._store.claim(job_id, self._name, self._lease_s)
        if claim is None:
            log.info("hint.outdated", extra={"job_id": str(job_id)})
            self._look_at = 0.0  # perhaps it rests, and the table says until when
        return claim

    def _hint(self) -> UUID | None:
        try:
            wait_s = 0.0 if self._found_by_looking else max(self._look_at - time.monotonic(), 0.0)
            return self._queue.dequeue(wait_s)
        except ServiceUnavailable as error:
            log.warning("queue.unavailable", extra={"reason": str(error)})
            self._stop.wait(_BACK_OFF_S)
            self._look_at = 0.0
            return None
