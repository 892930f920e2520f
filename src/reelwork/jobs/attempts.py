"""How often a job is begun, how long it rests after a lost attempt, and what is said when no attempt is left."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_REST_S = 300.0
_MOST_DOUBLINGS = 100  # more of them leave the range of a float
_TIMES = {1: "once", 2: "twice", 3: "three times", 4: "four times", 5: "five times"}

WORKER_LOST = "The worker was lost (it was killed, or its machine stopped)"


@dataclass(frozen=True)
class AttemptPolicy:
    """The rules for attempts.

    Attributes:
        most: How often a job is begun before it fails.
        rest_s: How long it rests after the first lost attempt; twice as long after each further one.
    """

    most: int = 3
    rest_s: float = 2.0

    def rest_after(self, attempt: int) -> float:
        """Return how many seconds a job rests after losing its ``attempt``-th attempt."""
        return min(self.rest_s * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS), _LONGEST_REST_S)


def told(causes: Iterable[str]) -> str:
    """Say why the attempts at a job were lost, and how often.

    >>> told(["The analysis process crashed"] * 3)
    'The analysis process crashed three times.'
    """
    counted = Counter(cause.rstrip(".") for cause in causes)
    if sum(counted.values()) == 1:
        return "".join(counted) + "."
    return "; ".join(f"{cause} {_TIMES.get(count, f'{count} times')}" for cause, count in counted.items()) + "."
