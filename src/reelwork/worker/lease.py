"""Keep a claim alive from the supervising process, and know when it is lost."""

import logging
import threading
import time
from concurrent.futures import Future

from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import Claim, JobStore, Lease

log = logging.getLogger(__name__)

# Parts of a lease.
_RENEW_AFTER = 1 / 3
_TRY_AGAIN_AFTER = 1 / 12
_GIVE_UP_AFTER = 0.8


class LeaseLost(Exception):
    """The job is, or may soon be, somebody else's: stop working on it and write nothing."""


class LeaseKeeper:
    """Renews the lease of a claim every third of its length, when asked to.

    It does nothing by itself: a supervisor that hangs must lose its lease. Nor does it wait for the database,
    which may hang: each request has a thread, which is left behind if no answer comes in time. What such a
    request may still do is to prolong a lease, once, that nobody works under.
    """

    def __init__(self, store: JobStore, claim: Claim, lease_s: float) -> None:
        self._store = store
        self._lease = claim.lease
        self._lease_s = lease_s
        self._renewed_at = claim.begun_at
        self._next_try_at = claim.begun_at + lease_s * _RENEW_AFTER
        self._request: _Request | None = None

    @property
    def due_in_s(self) -> float:
        """Seconds until ``renew_if_due`` must be called again."""
        due_at = self._next_try_at if self._request is None else self._give_up_at(self._request)
        return max(due_at - time.monotonic(), 0.0)

    def renew_if_due(self) -> None:
        """Ask for a renewal if it is time to, or see what became of the last one; returns at once.

        Raises:
            LeaseLost: It has been taken away, or could not be renewed and is about to run out.
        """
        if self._request is None:
            if time.monotonic() >= self._next_try_at:
                self._request = _Request(self._store, self._lease, self._lease_s)
        elif self._request.answer.done():
            request, self._request = self._request, None
            self._heed(request)
        elif time.monotonic() >= self._give_up_at(self._request):
            raise LeaseLost("the database does not answer and the lease is about to run out")

    def _heed(self, request: "_Request") -> None:
        try:
            if not request.answer.result():
                raise LeaseLost("the job was given to another worker or removed")
            # Counted from before the request: the database's clock started no earlier.
            self._renewed_at = request.begun_at
            self._next_try_at = request.begun_at + self._lease_s * _RENEW_AFTER
        except ServiceUnavailable as error:
            log.warning("lease.not_renewed", extra={"job_id": str(self._lease.job_id)}, exc_info=error)
            self._next_try_at = time.monotonic() + self._lease_s * _TRY_AGAIN_AFTER
            if self._next_try_at > self._last_moment:
                raise LeaseLost("the database does not answer and the lease is about to run out") from error

    def _give_up_at(self, request: "_Request") -> float:
        if request.begun_at < self._last_moment:
            return self._last_moment
        # This process was paused: the database knows whether the lease is still its own.
        return request.begun_at + self._lease_s * _TRY_AGAIN_AFTER

    @property
    def _last_moment(self) -> float:
        return self._renewed_at + self._lease_s * _GIVE_UP_AFTER


class _Request:
    """One request for renewal, and the answer when it has come."""

    def __init__(self, store: JobStore, lease: Lease, lease_s: float) -> None:
        self.begun_at = time.monotonic()
        self.answer: Future[bool] = Future()
        # A daemon, unlike the threads of an executor: the process can end while the database hangs.
        threading.Thread(target=self._ask, args=(store, lease, lease_s), name="lease-renewal", daemon=True).start()

    def _ask(self, store: JobStore, lease: Lease, lease_s: float) -> None:
        try:
            self.answer.set_result(store.renew(lease, lease_s))
        except BaseException as error:
            self.answer.set_exception(error)
