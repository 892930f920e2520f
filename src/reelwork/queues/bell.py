"""What wakes those who wait for the database's queue, instead of their looking all the time."""

from contextlib import AbstractContextManager
from typing import Protocol

from reelwork.db.transaction import Transaction


class Ear(Protocol):
    """Hears the bell for one waiting thread."""

    def wait(self, timeout_s: float) -> None:
        """Return when the bell has rung since the last wait, or since the ear was lent; else after ``timeout_s``.

        It may return early for nothing.
        """


class Bell(Protocol):
    """Rings in every process that waits for work in the same database.

    A ring may be missed, so whoever waits looks at the queue from time to time as well.
    """

    def ring_with(self, transaction: Transaction) -> None:
        """Ring when the transaction is committed, and not when it is rolled back."""

    def listening(self) -> AbstractContextManager[Ear]:
        """Lend an ear to the calling thread for the time of the block."""

    def ring(self) -> None:
        """Ring at once, for those who wait in this process; others may hear it too."""

    def close(self) -> None:
        """Let go of what listens; the next use begins anew."""
