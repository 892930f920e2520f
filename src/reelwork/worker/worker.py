"""The worker's loop: take a hint, claim the job, run it."""

import logging

from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import JobStore
from reelwork.queues.service import QueueService
from reelwork.worker.rescue import Rescue
from reelwork.worker.runner import JobRunner
from reelwork.worker.stop import StopRequest

log = logging.getLogger(__name__)

_DEQUEUE_TIMEOUT_S = 0.5
_BACK_OFF_S = 1.0


class Worker:
    """Runs jobs until it is asked to stop."""

    def __init__(
        self,
        name: str,
        queue: QueueService,
        store: JobStore,
        runner: JobRunner,
        rescue: Rescue,
        stop: StopRequest,
        *,
        lease_s: float,
    ) -> None:
        self._name = name
        self._queue = queue
        self._store = store
        self._runner = runner
        self._rescue = rescue
        self._stop = stop
        self._lease_s = lease_s

    def run(self) -> None:
        """Work until asked to stop; a database or storage that is gone is waited for."""
        log.info("worker.started", extra={"worker": self._name})
        self._runner.warm_up()
        while not self._stop.asked:
            try:
                self._rescue.run_if_due()
                self._work_once()
            except ServiceUnavailable as error:
                log.warning("worker.waiting", extra={"reason": str(error)}, exc_info=True)
                self._stop.wait(_BACK_OFF_S)
        self._runner.close()
        log.info("worker.stopped", extra={"worker": self._name})

    def _work_once(self) -> None:
        job_id = self._queue.dequeue(_DEQUEUE_TIMEOUT_S)
        if job_id is None:
            return
        if self._stop.asked:
            self._queue.enqueue(job_id)
            return
        claim = self._store.claim(job_id, self._name, self._lease_s)
        if claim is None:
            log.info("job.not_to_be_claimed", extra={"job_id": str(job_id)})
            return
        log.info("job.running", extra={"job_id": str(job_id), "attempt": claim.lease.attempt, "worker": self._name})
        self._runner.run(claim)
