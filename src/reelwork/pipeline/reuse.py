"""Answers of frames seen lately, for frames with the very same pixels."""

from collections import OrderedDict
from enum import Enum
from threading import Lock
from typing import Any, Generic, TypeVar

Waiting = TypeVar("Waiting")

_MOST_KEPT = 8
"""Repeats come soon or never: more were not hit more often on slides."""


class Turn(Enum):
    """What an asker without answers is to do."""

    MINE = "work them out, and settle"
    WAIT = "another is working them out"


class _Entry(Generic[Waiting]):
    def __init__(self) -> None:
        self.answers: dict[str, Any] | None = None
        self.waiting: list[Waiting] = []


class RecentAnswers(Generic[Waiting]):
    """Answers by digest of the picture; thread-safe. Whoever asks first works them out, others may wait for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: OrderedDict[bytes, _Entry[Waiting]] = OrderedDict()

    def ask(self, digest: bytes, asker: Waiting) -> dict[str, Any] | Turn:
        """Return the answers; or ``MINE``; or ``WAIT``, and then whoever settles gets ``asker`` back."""
        with self._lock:
            entry = self._entries.get(digest)
            if entry is None:
                self._entries[digest] = _Entry()
                return Turn.MINE
            self._entries.move_to_end(digest)
            if entry.answers is None:
                entry.waiting.append(asker)
                return Turn.WAIT
            return entry.answers

    def settle(self, digest: bytes, answers: dict[str, Any] | None) -> list[Waiting]:
        """Keep what was worked out, or None if it must not be used again; return who waited for it."""
        with self._lock:
            entry = self._entries[digest]
            waiting, entry.waiting = entry.waiting, []
            entry.answers = answers
            if answers is None:
                del self._entries[digest]
            self._forget_oldest()
            return waiting

    def _forget_oldest(self) -> None:
        settled = [digest for digest, entry in self._entries.items() if entry.answers is not None]
        for digest in settled[:-_MOST_KEPT]:
            del self._entries[digest]
