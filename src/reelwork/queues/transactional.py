"""The port to a queue that takes part in the transactions of the job table."""

from typing import Protocol, runtime_checkable
from uuid import UUID

from reelwork.db.transaction import Transaction
from reelwork.queues.service import QueueService


@runtime_checkable
class TransactionalQueue(QueueService, Protocol):
    """A queue in the same database as the jobs: a job and its hint are committed together."""

    def enqueue_within(self, transaction: Transaction, job_id: UUID) -> None:
        """Add a hint as part of the caller's transaction."""
