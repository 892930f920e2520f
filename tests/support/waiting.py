"""Wait for a condition instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.005

# Also where a test moves ``time.monotonic`` by hand, nothing is waited for forever.
_now = time.monotonic


def wait_until(condition: Callable[[], T], timeout_s: float = 60.0) -> T:
    """Return what ``condition`` answers as soon as it is true; fail when it does not become so."""
    deadline = _now() + timeout_s
    while not (answer := condition()):
        if _now() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {condition}")
        time.sleep(POLL_S)
    return answer
