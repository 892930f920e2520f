"""Repair what killed processes left behind; safe to run in every worker at once, and again and again."""

import logging
import time

from reelwork.jobs.store import JobStore

log = logging.getLogger(__name__)


class Rescue:
    """Takes jobs from workers that are gone."""

    def __init__(self, store: JobStore, *, lease_s: float) -> None:
        self._store = store
        self._interval_s = lease_s / 3
        self._due_at = time.monotonic()

    def run_if_due(self) -> None:
        """Run a pass if the last one is a third of a lease ago; at once the first time."""
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + self._interval_s
            self.run()

    def run(self) -> None:
        """Run one pass."""
        released, failed = self._store.expire_leases()
        for job_id in released:
            log.warning("job.rescued", extra={"job_id": str(job_id)})
        for job_id in failed:
            log.warning("job.failed", extra={"job_id": str(job_id), "error": "its worker was lost too often"})
