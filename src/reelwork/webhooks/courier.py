"""The thread that delivers: finds what is due, has it sent, settles it."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from reelwork import faults
from reelwork.errors import ServiceUnavailable
from reelwork.logs import about
from reelwork.webhooks.outbox import Delivery, Outbox
from reelwork.webhooks.receivers import Receivers
from reelwork.webhooks.schedule import wait_after
from reelwork.webhooks.sender import Answer
from reelwork.webhooks.urls import receiver_of

log = logging.getLogger(__name__)

OUTCOMES = ("delivered", "failed", "unwanted", "given_up")
"""What becomes of an attempt: accepted; not accepted and tried again; answered 410; the last, and not accepted."""

_LOOK_EVERY_S = 1.0
_BACK_OFF_S = 10.0
_AT_ONCE = 16
_TAKEN_S = 0.05  # another process was quicker
_STOP_S = 2.0
_SETTLE_S = 45.0


class Courier:
    """Delivers at least once whatever is due, beside everything else this process does.

    Any number of processes may have one. A delivery has a thread of its own, because a receiver may take its
    time; one that is killed, or that does not come to settle, is made again when its lease is over.
    """

    def __init__(self, outbox: Outbox, send: Callable[[Delivery], Answer], timeout_s: float) -> None:
        """Prepare it, without starting.

        Args:
            outbox: What is due.
            send: Sends one, in at most ``timeout_s`` and what it takes to look up a name.
            timeout_s: See ``send``.
        """
        self._outbox = outbox
        self._send = send
        self._lease_s = timeout_s + _SETTLE_S
        self._receivers = Receivers()
        self._free = threading.Semaphore(_AT_ONCE)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()
        self._outcomes = Counter(dict.fromkeys(OUTCOMES, 0))

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many attempts this process has made, by outcome."""
        with self._mutex:
            return dict(self._outcomes)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no more, and give what was begun a moment; what is not settled by then is delivered again."""
        self._stopping.set()
        until = time.monotonic() + _STOP_S
        if self._thread is not None:
            self._thread.join(_STOP_S)
        for _ in range(_AT_ONCE):
            self._free.acquire(timeout=max(until - time.monotonic(), 0.0))

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                wait_s = self._deliver_what_is_due()
            except ServiceUnavailable as error:
                log.warning("webhooks.waiting", extra={"reason": str(error)})
                wait_s = _BACK_OFF_S
            except Exception:  # the service goes on without telling anybody rather than not at all
                log.exception("webhooks.failed")
                wait_s = _BACK_OFF_S
            self._stopping.wait(wait_s)

    def _deliver_what_is_due(self) -> float:
        """Begin as many deliveries as can be made at once; return when to look again."""
        due_in_s = self._outbox.due_in_s()
        if due_in_s is None or due_in_s > 0:
            return _LOOK_EVERY_S if due_in_s is None else min(due_in_s, _LOOK_EVERY_S)
        room = self._take_room()
        deliveries = self._outbox.claim(room, self._lease_s) if room else ()
        for _ in range(room - len(deliveries)):
            self._free.release()
        put_off = [(delivery, wait_s) for delivery in deliveries if (wait_s := self._begin(delivery)) is not None]
        for delivery, wait_s in put_off:
            self._outbox.put_off(delivery, wait_s)
        return 0.0 if deliveries else _TAKEN_S

    def _take_room(self) -> int:
        """Wait for one place; take all that are free."""
        if not self._free.acquire(timeout=_LOOK_EVERY_S):
            return 0
        taken = 1
        while taken < _AT_ONCE and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _begin(self, delivery: Delivery) -> float | None:
        """Begin a delivery; if its receiver cannot be sent to now, return in how many seconds to try again."""
        if (wait_s := self._receivers.begin(receiver_of(delivery.url))) is not None:
            self._free.release()
            return wait_s
        threading.Thread(target=self._deliver, args=(delivery,), name="webhook-delivery", daemon=True).start()
        return None

    def _deliver(self, delivery: Delivery) -> None:
        answered = False
        began_at = time.monotonic()
        try:
            with about(job_id=str(delivery.job_id)):
                faults.point("webhook.claimed")
                answer = self._send(delivery)
                answered = answer.status is not None
                faults.point("webhook.sent")
                self._settle(delivery, answer)
        finally:
            self._receivers.end(receiver_of(delivery.url), answered=answered, took_s=time.monotonic() - began_at)
            self._free.release()

    def _settle(self, delivery: Delivery, answer: Answer) -> None:
        facts: dict[str, object] = {"attempt": delivery.attempt, "receiver": receiver_of(delivery.url)}
        facts |= {"answer": answer.status} if answer.status is not None else {"reason": answer.problem}
        outcome, wait_s = _judged(delivery, answer)
        with self._mutex:
            self._outcomes[outcome] += 1
        try:
            settled = self._outbox.end(delivery) if wait_s is None else self._outbox.try_again(delivery, wait_s)
        except ServiceUnavailable as error:
            log.warning("webhook.not_settled", extra={**facts, "reason": str(error)})
            return
        facts |= {} if wait_s is None else {"again_in_s": round(wait_s)}
        facts |= {} if settled else {"settled": "no: the job was run again or removed, or another process has it"}
        log.log(logging.INFO if answer.is_accepted else logging.WARNING, f"webhook.{outcome}", extra=facts)


def _judged(delivery: Delivery, answer: Answer) -> tuple[str, float | None]:
    """Return what becomes of a delivery, and in how many seconds it is tried again, if it is."""
    if answer.is_accepted:
        return "delivered", None
    if answer.is_unwanted:
        return "unwanted", None
    wait_s = wait_after(delivery.attempt, answer.retry_after_s)
    return ("given_up" if wait_s is None else "failed"), wait_s
