"""Which receivers can be sent to now, so that one that keeps silent or is slow does not hold up the others."""

import threading
import time
from collections import Counter

_SILENT_REST_S = 30.0
_SLOW_S = 2.0
_SLOW_AT_ONCE = 4
_SLOW_REST_S = 5.0


class Receivers:
    """Counts the requests to each receiver, a host with its port, and remembers how it was with the last one.

    A slow one has a few requests at once. One that gave no answer rests for a while, and has then one at a time
    until it answers. Safe to use from several threads.
    """

    def __init__(self, silent_rest_s: float = _SILENT_REST_S, slow_s: float = _SLOW_S) -> None:
        self._silent_rest_s = silent_rest_s
        self._slow_s = slow_s
        self._sending: Counter[str] = Counter()
        self._slow: set[str] = set()
        self._silent_until: dict[str, float] = {}
        self._mutex = threading.Lock()

    def begin(self, receiver: str) -> float | None:
        """Begin a request to a receiver; if now is not the time, return in how many seconds to try again."""
        with self._mutex:
            if (wait_s := self._wait_s(receiver)) is None:
                self._sending[receiver] += 1
            return wait_s

    def end(self, receiver: str, *, answered: bool, took_s: float) -> None:
        """Note the end of a request."""
        with self._mutex:
            self._sending[receiver] -= 1
            if not self._sending[receiver]:
                del self._sending[receiver]
            self._silent_until.pop(receiver, None)
            self._slow.discard(receiver)
            if not answered:
                self._silent_until[receiver] = time.monotonic() + self._silent_rest_s
            elif took_s > self._slow_s:
                self._slow.add(receiver)

    def _wait_s(self, receiver: str) -> float | None:
        sending = self._sending.get(receiver, 0)
        if (silent_until := self._silent_until.get(receiver)) is not None:
            resting_s = silent_until - time.monotonic()
            if resting_s > 0 or sending:
                return max(resting_s, self._silent_rest_s / 2)
        if receiver in self._slow and sending >= _SLOW_AT_ONCE:
            return _SLOW_REST_S
        return None
