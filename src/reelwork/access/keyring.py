"""Who shows a key: known for a moment, so that not every request asks the database."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from reelwork.access.caller import Caller, QueueLimits, Scope
from reelwork.access.keys import KeyText, parse_key
from reelwork.access.model import ApiKey
from reelwork.access.store import KeyStore
from reelwork.errors import KeyInvalid

TRUSTED_FOR_S = 3.0
"""For so long a key is taken for what it was; a revoked one is refused no later."""

_MOST_REMEMBERED = 4096


@dataclass(frozen=True)
class _Known:
    """What the database said of a key id, and until when that is believed; ``key`` is None for one that is not good."""

    key: ApiKey | None
    until: float


class Keyring:
    """Tells callers by their keys; for any thread."""

    def __init__(self, store: KeyStore, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._remembering = threading.Lock()

    def remembered(self, text: str) -> Caller | None:
        """Return who shows a key without asking anybody; None if the database has to be asked.

        Raises:
            KeyInvalid: It is no key, or not in force.
        """
        key = _parsed(text)
        known = self._known.get(key.key_id)
        if known is None or known.until < self._now():
            return None
        return _caller(key, known.key)

    def ask(self, text: str) -> Caller:
        """Return who shows a key, as the database has it now.

        Raises:
            KeyInvalid: As above.
            ServiceUnavailable: The database does not answer.
        """
        key = _parsed(text)
        asked_at = self._now()
        found = self._store.find(key.key_id)
        good = found if found is not None and found.revoked_at is None else None
        self._remember(key.key_id, _Known(good, asked_at + TRUSTED_FOR_S))
        return _caller(key, good)

    def _remember(self, key_id: str, known: _Known) -> None:
        with self._remembering:
            self._known[key_id] = known
            self._known.move_to_end(key_id)
            # Ids that somebody makes up are remembered too, and must not fill the memory.
            while len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)


def _parsed(text: str) -> KeyText:
    key = parse_key(text)
    if key is None:
        raise KeyInvalid
    return key


def _caller(shown: KeyText, key: ApiKey | None) -> Caller:
    if key is None or not shown.is_of(key.secret_sha256):
        raise KeyInvalid
    limits = QueueLimits(key.max_queued_jobs, key.max_queued_bytes)
    return Caller(key.key_id, _scopes(key.scopes), limits)


@cache
def _scopes(written: str) -> frozenset[Scope]:
    return frozenset(map(Scope, written.split()))
