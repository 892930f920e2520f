"""The port to a queue of job ids."""

from typing import Protocol
from uuid import UUID


class QueueService(Protocol):
    """A first-in, first-out queue of hints that a job may be waiting.

    A hint may be lost or arrive twice; the job table is the truth and repairs both. Every method raises
    ``ServiceUnavailable`` when the queue does not answer.
    """

    def enqueue(self, job_id: UUID) -> None:
        """Add a hint; a job that already has one waiting may keep just that one."""

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        """Take the oldest hint, waiting up to ``timeout_s`` for one; None if none came."""

    def close(self) -> None:
        """Let every ``dequeue`` in this process, those that wait now and later ones, return at once."""

    def size(self) -> int:
        """Return how many hints are waiting, perhaps approximately."""
