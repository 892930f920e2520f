"""How much an API key may have pending and running at once."""

from collections.abc import Sequence
from typing import Any

from reelwork.access import statements as keys
from reelwork.db.engine import Database
from reelwork.db.transaction import Transaction
from reelwork.errors import KeyLimitReached
from reelwork.jobs import statements


def require_room(database: Database, owner: str | None) -> None:
    """Refuse before anything is sent what could not be accepted anyway; it is judged again when it is.

    Raises:
        KeyLimitReached: The key has as much queued as it may have.
    """
    if owner is None:
        return
    for max_jobs, max_bytes in database.query(keys.LIMITS, {"the_key": owner}):
        [(jobs, size)] = database.query(statements.QUEUED, {"the_owner": owner})
        if _reaches(jobs, max_jobs) or _reaches(size, max_bytes):
            raise KeyLimitReached(jobs, int(size), max_jobs, max_bytes)


def enforce(transaction: Transaction, owner: str | None, input_bytes: int | None) -> None:
    """Judge what a key has queued, once this transaction has queued one more job.

    Args:
        transaction: Where that was done.
        owner: The key.
        input_bytes: The size of that job's video.

    Raises:
        KeyLimitReached: It is too much; the transaction is to be rolled back.
    """
    if owner is None:
        return
    limits: Sequence[Any] = transaction.execute(keys.LOCK_LIMITS, {"the_key": owner}).all()
    for max_jobs, max_bytes in limits:
        # Only now: what was counted before the lock was held may have grown.
        queued: Any = transaction.execute(statements.QUEUED, {"the_owner": owner}).one()
        jobs, size = queued
        if _exceeds(jobs, max_jobs) or _exceeds(size, max_bytes):
            raise KeyLimitReached(jobs - 1, int(size) - (input_bytes or 0), max_jobs, max_bytes)


def _reaches(value: int, most: int | None) -> bool:
    return most is not None and value >= most


def _exceeds(value: int, most: int | None) -> bool:
    return most is not None and value > most
