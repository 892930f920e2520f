"""What a worker counts, by names that its row in the worker table and ``/metrics`` share."""

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum

Counts = Mapping[str, float]
"""Numbers by name; they are added up over workers."""


class Counted(StrEnum):
    """What is counted."""

    OUTCOMES = "outcomes"
    ATTEMPTS_LOST = "attempts_lost"
    FRAMES = "frames"
    RESCUES = "rescues"


class Measured(StrEnum):
    """What is measured, in seconds: how many of each were not longer than a bound, and their sum."""

    ANALYSIS_S = "analysis_s"
    QUEUE_WAIT_S = "queue_wait_s"


OUTCOMES = ("completed", "failed", "handed_back", "lease_lost")
"""How a worker parted from a job it had claimed."""

CAUSES = ("crashed", "timeout", "memory", "disk", "storage_full", "worker_lost")
"""Why an attempt was lost."""

RESCUES = ("handed_back", "failed", "expired", "files_removed")
"""What was done about workers that are gone, jobs whose time is over and files that belong to none."""

_WITHOUT_BOUND = "inf"
BOUNDS_S: Mapping[Measured, tuple[float, ...]] = {
    Measured.ANALYSIS_S: (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200),
    Measured.QUEUE_WAIT_S: (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400),
}


class Counters:
    """The numbers of one worker since it began; safe to use from several threads."""

    def __init__(self) -> None:
        self._numbers: dict[str, float] = defaultdict(float)
        self._mutex = threading.Lock()

    def add(self, counted: Counted, which: str = "", by: float = 1) -> None:
        """Count something, one of its kinds if it has any."""
        with self._mutex:
            self._numbers[name_of(counted, which)] += by

    def observe(self, measured: Measured, seconds: float) -> None:
        """Note one more duration."""
        bounds = BOUNDS_S[measured]
        place = bisect_left(bounds, seconds)
        bound = f"{bounds[place]:g}" if place < len(bounds) else _WITHOUT_BOUND
        with self._mutex:
            self._numbers[name_of(measured, bound)] += 1
            self._numbers[name_of(measured, "sum")] += seconds

    def take_back(self, counts: Counts) -> None:
        """Forget what somebody else has taken over."""
        with self._mutex:
            for name, number in counts.items():
                self._numbers[name] -= number

    def counts(self) -> dict[str, float]:
        """Return the numbers as they are now."""
        with self._mutex:
            return dict(self._numbers)


def name_of(what: Counted | Measured, which: str = "") -> str:
    """Return the name of a number.

    >>> name_of(Counted.OUTCOMES, "failed")
    'outcomes/failed'
    """
    return f"{what}/{which}" if which else str(what)


def summed(many: Iterable[Counts]) -> dict[str, float]:
    """Add numbers up by name."""
    total: dict[str, float] = defaultdict(float)
    for counts in many:
        for name, number in counts.items():
            total[name] += number
    return dict(total)


def buckets(counts: Counts, measured: Measured) -> tuple[list[tuple[str, float]], float]:
    """Return how many durations were not longer than each bound, and the sum of all, as Prometheus wants them."""
    found: list[tuple[str, float]] = []
    total = 0.0
    for bound in (*(f"{bound:g}" for bound in BOUNDS_S[measured]), _WITHOUT_BOUND):
        total += counts.get(name_of(measured, bound), 0)
        found.append(("+Inf" if bound == _WITHOUT_BOUND else bound, total))
    return found, counts.get(name_of(measured, "sum"), 0.0)
