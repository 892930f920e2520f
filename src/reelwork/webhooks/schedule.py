"""When a delivery is tried again, and when no more."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MINUTE_S, HOUR_S = 60.0, 3600.0
WAITS_S = (5.0, 5 * MINUTE_S, 30 * MINUTE_S, 2 * HOUR_S, 5 * HOUR_S, 8 * HOUR_S, 8 * HOUR_S)
"""Seconds after the first, second, ... attempt that failed: eight attempts in about a day."""

_JITTER = 0.1
_LONGEST_RETRY_AFTER_S = 8 * HOUR_S


def wait_after(attempt: int, asked_s: float | None = None) -> float | None:
    """Return how long to wait after the ``attempt``-th attempt failed; None when it was the last.

    Args:
        attempt: 1 for the first.
        asked_s: What the receiver asked for with ``Retry-After``: it may prolong the wait, within bounds.
    """
    if attempt > len(WAITS_S):
        return None
    # Many jobs end while a receiver is down; they must not all come back to it in one moment.
    wait_s = WAITS_S[attempt - 1] * (1 + random.random() * _JITTER)  # noqa: S311
    return max(wait_s, min(asked_s or 0.0, _LONGEST_RETRY_AFTER_S))


def read_retry_after(value: str | None) -> float | None:
    """Return the seconds a ``Retry-After`` asks for, given as a number or as a date; None if it asks for nothing."""
    if value is None:
        return None
    if value.strip().isdecimal() and value.isascii():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max((aware - datetime.now(UTC)) / timedelta(seconds=1), 0.0)
    except (ValueError, OverflowError):
        return None
