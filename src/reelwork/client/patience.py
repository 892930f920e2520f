"""How long to bear with a service that is away, and how often to ask."""

import time

from reelwork.client.errors import ServiceProblem, ServiceUnreachable, TryLater, UnexpectedAnswer
from reelwork.errors import ReelworkError

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
_GROWTH = 1.5

_BEHIND_A_PROXY = (502, 503, 504)


class Pauses:
    """Pauses that grow, gently, up to two seconds."""

    def __init__(self, first_s: float = FIRST_PAUSE_S) -> None:
        self._first_s = first_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return how long to pause now."""
        pause_s = self._next_s
        self._next_s = min(pause_s * _GROWTH, max(LONGEST_PAUSE_S, self._first_s))
        return pause_s

    def restart(self) -> None:
        """Begin with short ones again."""
        self._next_s = self._first_s


class Patience:
    """Bears outages that pass, each for ``outage_s`` at most: a service that is started anew, for example.

    A service that was never reached is not waited for, unless it is ``known`` to be there.
    """

    def __init__(self, outage_s: float, *, known: bool = False) -> None:
        self._outage_s = outage_s
        self._known = known
        self._since: float | None = None
        self._pauses = Pauses()

    def heard(self) -> None:
        """Note that the service does what it is asked."""
        self._known = True
        self._since = None
        self._pauses.restart()

    def pause_after_s(self, error: ReelworkError) -> float:
        """Return how long to pause before the next try.

        Raises:
            ReelworkError: The error itself, if it does not pass or lasts for too long.
        """
        now = time.monotonic()
        self._since = self._since or now
        if not self._passes(error) or now - self._since > self._outage_s:
            raise error
        self._known = True
        return max(self._pauses.next_s(), _asked_for_s(error))

    def _passes(self, error: ReelworkError) -> bool:
        if isinstance(error, ServiceUnreachable):
            return self._known or type(error) is not ServiceUnreachable
        if isinstance(error, UnexpectedAnswer):
            return error.status in _BEHIND_A_PROXY
        return (isinstance(error, TryLater) and error.status in _BEHIND_A_PROXY) or _is_busy(error)


def _is_busy(error: ReelworkError) -> bool:
    """Whether an earlier request of ours, whose connection broke, is still being dealt with."""
    names = ("idempotency-key-in-use", "upload-in-use", "mismatching-upload-offset", "upload-stalled")
    return isinstance(error, ServiceProblem) and error.type.endswith(names)


def _asked_for_s(error: ReelworkError) -> float:
    return (error.retry_after_s or 0.0) if isinstance(error, ServiceProblem) else 0.0
