"""Whether the parts the service stands on work, asked no more often than need be and never waited for too long."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from reelwork.errors import ReelworkError

log = logging.getLogger(__name__)

_REMEMBERED_S = 1.0
_TIMEOUT_S = 3.0


class PartStatus(StrEnum):
    """How a part is."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What was found; ``reason`` is for the person who can mend it, free of paths."""

    status: PartStatus
    reason: str | None = None


_OK = Finding(PartStatus.OK)


class PartCheck:
    """Looks after one part; safe to call from several threads.

    A check that hangs has its thread to itself: until it comes back the part has failed, and no other is begun.
    """

    def __init__(
        self, name: str, check: Callable[[], None], remembered_s: float = _REMEMBERED_S, timeout_s: float = _TIMEOUT_S
    ) -> None:
        """Prepare it.

        Args:
            name: What the part is called.
            check: Raises a ``ReelworkError`` that says what is wrong.
            remembered_s: How long that nothing is wrong is taken for true.
            timeout_s: How long an answer is waited for.
        """
        self.name = name
        self._check = check
        self._remembered_s = remembered_s
        self._timeout_s = timeout_s
        self._asking = threading.Lock()
        self._checking: threading.Thread | None = None
        self._found = _OK
        self._good_until = 0.0

    def __call__(self) -> Finding:
        """Return how the part is."""
        with self._asking:
            if time.monotonic() < self._good_until:
                return self._found
            if self._checking is None or not self._checking.is_alive():
                self._checking = threading.Thread(target=self._look, name=f"check-{self.name}", daemon=True)
                self._checking.start()
            self._checking.join(self._timeout_s)
            if self._checking.is_alive():
                self._found = Finding(PartStatus.FAILED, f"The {self.name} has not answered for {self._timeout_s:g} s.")
                self._good_until = time.monotonic() + _REMEMBERED_S
            return self._found

    def _look(self) -> None:
        try:
            self._check()
            found = _OK
        except ReelworkError as error:
            found = Finding(PartStatus.FAILED, str(error))
        except Exception:
            log.exception("health.check_failed", extra={"part": self.name})
            found = Finding(PartStatus.FAILED, f"The {self.name} could not be checked. The log says why.")
        self._found = found
        self._good_until = time.monotonic() + (self._remembered_s if found is _OK else _REMEMBERED_S)


@dataclass(frozen=True)
class Health:
    """The checks of every part: without the first two no job can be accepted, without the third it waits."""

    database: PartCheck
    storage: PartCheck
    worker: PartCheck

    def findings(self) -> dict[str, Finding]:
        """Return how each part is, by name."""
        database = self.database()
        unknown = Finding(PartStatus.FAILED, "Whether a worker lives is not known: the database says so.")
        worker = self.worker() if database.status is PartStatus.OK else unknown
        return {"database": database, "storage": self.storage(), "worker": worker}
