"""Keep a claim alive from the supervising process, and know when it is lost."""

import logging
import time

from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import JobStore, Lease

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The job is, or may soon be, somebody else's: stop working on it and write nothing."""


class LeaseKeeper:
    """Renews one lease every third of its length, when asked to.

    There is no thread: a supervisor that hangs must lose its lease.
    """

    def __init__(self, store: JobStore, lease: Lease, lease_s: float) -> None:
        self._store = store
        self._lease = lease
        self._lease_s = lease_s
        self._renewed_at = time.monotonic()
        self._next_try_at = self._renewed_at + lease_s / 3

    @property
    def due_in_s(self) -> float:
        """Seconds until ``renew_if_due`` has something to do."""
        return max(self._next_try_at - time.monotonic(), 0.0)

    def renew_if_due(self) -> None:
        """Renew the lease if it is time to.

        Raises:
            LeaseLost: It has been taken away, or could not be renewed and is about to run out.
        """
        began = time.monotonic()
        if began < self._next_try_at:
            return
        try:
            if not self._store.renew(self._lease, self._lease_s):
                raise LeaseLost("the job was given to another worker or removed")
            # Counted from before the request: the database's clock started no earlier.
            self._renewed_at, self._next_try_at = began, began + self._lease_s / 3
        except ServiceUnavailable as error:
            log.warning("lease.not_renewed", extra={"job_id": str(self._lease.job_id)}, exc_info=True)
            self._next_try_at = time.monotonic() + self._lease_s / 12
            if time.monotonic() - self._renewed_at > self._lease_s * 0.8:
                raise LeaseLost("the database does not answer and the lease is about to run out") from error
