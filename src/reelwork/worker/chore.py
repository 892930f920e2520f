"""Something to be done from time to time, beside everything else."""

import logging
import random
import threading
import time
from collections.abc import Callable

from reelwork.errors import ServiceUnavailable

log = logging.getLogger(__name__)

_TRY_AGAIN_S = 60.0
_JITTER = 0.1


class Chore:
    """Does one thing again and again, each time in a thread, because it may take long and nothing may wait for it.

    What it does must be safe to be broken off anywhere: the thread ends with the process.
    """

    def __init__(self, name: str, do: Callable[[], object], every_s: float) -> None:
        """Prepare it; the first time is at once.

        Args:
            name: What logs call it.
            do: What to do.
            every_s: Seconds between two beginnings, and up to a tenth more, so that workers that were
                started together do not go on doing the same at once.
        """
        self._name = name
        self._do = do
        self._every_s = every_s
        self._due_at = time.monotonic()
        self._thread: threading.Thread | None = None

    @property
    def due_in_s(self) -> float:
        """Seconds until ``begin_if_due`` must be called again."""
        return max(self._due_at - time.monotonic(), 0.0)

    def begin_if_due(self) -> None:
        """Begin if it is time to, unless the last time is not over yet."""
        if time.monotonic() < self._due_at or (self._thread is not None and self._thread.is_alive()):
            return
        self._due_in(self._every_s)
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait for what was begun."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._do()
        except ServiceUnavailable as error:
            self._due_in(min(_TRY_AGAIN_S, self._every_s))
            log.warning(f"{self._name}.waiting", extra={"reason": str(error)})
        except Exception:
            log.exception(f"{self._name}.failed")

    def _due_in(self, seconds: float) -> None:
        self._due_at = time.monotonic() + seconds * (1 + random.random() * _JITTER)  # noqa: S311
