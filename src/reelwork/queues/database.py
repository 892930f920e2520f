"""The default queue: hints in a table beside the jobs, shared by every process that shares the database."""

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Insert, Integer, Uuid, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from reelwork.db.engine import Base, Database
from reelwork.db.transaction import Transaction
from reelwork.queues.bell import Bell, Ear
from reelwork.queues.doorbell import Doorbell
from reelwork.queues.notifications import Notifications

POLL_INTERVAL_S = 10.0
"""How long a ring that was missed can go unnoticed by one long ``dequeue``."""

_COUNTED_EXACTLY = 10_000


class QueueEntry(Base):
    """One waiting hint. ``position`` grows with every hint, so that the oldest comes out first."""

    __tablename__ = "queue_entry"
    # Without this SQLite gives the position of a deleted last row to the next one.
    __table_args__ = ({"sqlite_autoincrement": True},)

    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    job_id: Mapped[UUID] = mapped_column(Uuid, unique=True)


# Statements on the table itself: the ORM would take longer to think about them than the database.
_entry = QueueEntry.metadata.tables[QueueEntry.__tablename__]

_ANY = select(_entry.c.position).limit(1)

# SKIP LOCKED (ignored by SQLite, which has one writer) lets workers take different hints at once
# instead of queueing for the same one.
_OLDEST = select(_entry.c.position).order_by(_entry.c.position).limit(1).with_for_update(skip_locked=True)
_TAKE_OLDEST = delete(_entry).where(_entry.c.position == _OLDEST.scalar_subquery()).returning(_entry.c.job_id)

_COUNT = select(func.count()).select_from(select(_entry.c.position).limit(_COUNTED_EXACTLY + 1).subquery())
# Two subqueries: SQLite finds the ends by the index only if it is asked for one at a time.
_NEWEST, _FIRST = (select(end(_entry.c.position)).scalar_subquery() for end in (func.max, func.min))
_SPAN = select(_NEWEST - _FIRST + 1)


class DatabaseQueue:
    """The ``TransactionalQueue`` of a database.

    A bell wakes those who wait. Should it not be heard, they look every ``poll_interval_s`` by themselves.
    """

    def __init__(self, database: Database, poll_interval_s: float = POLL_INTERVAL_S) -> None:
        self._database = database
        self._poll_interval_s = poll_interval_s
        self._closed = False
        self._insert = _insert_by(sqlite if database.is_sqlite else postgresql)
        self._bell = _bell_of(database)
        database.at_close(self._bell.close)

    def enqueue(self, job_id: UUID) -> None:
        """See ``QueueService``."""
        with self._database.writing() as transaction:
            self.enqueue_within(transaction, job_id)

    def enqueue_within(self, transaction: Transaction, job_id: UUID) -> None:
        """See ``TransactionalQueue``."""
        transaction.execute(self._insert, {"job_id": job_id})
        self._bell.ring_with(transaction)

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        """See ``QueueService``."""
        deadline = time.monotonic() + timeout_s
        with self._listening(timeout_s) as ear:
            # The ear is lent before the first look: a hint that comes in between rings.
            while (job_id := self._take_if_any()) is None:
                if (remaining_s := deadline - time.monotonic()) > 0 and ear is not None and not self._closed:
                    ear.wait(min(self._poll_interval_s, remaining_s))
                if time.monotonic() >= deadline or self._closed:
                    return None  # without a last look: nothing rang, and the next call looks first
        return job_id

    def close(self) -> None:
        """See ``QueueService``."""
        self._closed = True
        self._bell.ring()

    def size(self) -> int:
        """See ``QueueService``.

        Exact up to 10,000: to count a million takes a tenth of a second. Beyond that it is how far the oldest
        and the newest position lie apart, which is too much by the positions that were left out between them.
        """
        with self._database.reading() as transaction:
            count = transaction.scalar(_COUNT) or 0
            return count if count <= _COUNTED_EXACTLY else transaction.scalar(_SPAN) or count

    def _listening(self, timeout_s: float) -> AbstractContextManager[Ear | None]:
        return self._bell.listening() if timeout_s > 0 else nullcontext()

    def _take_if_any(self) -> UUID | None:
        # An idle worker only reads: a write would wait its turn for nothing.
        if not self._database.query(_ANY):
            return None
        # After a power cut the hint may be back, and finds its job claimed.
        for (job_id,) in self._database.change(_TAKE_OLDEST, durable=False):
            return job_id  # type: ignore[no-any-return]
        return None


def _insert_by(dialect: Any) -> Insert:
    return dialect.insert(_entry).on_conflict_do_nothing(index_elements=["job_id"])  # type: ignore[no-any-return]


def _bell_of(database: Database) -> Bell:
    if database.is_sqlite:
        return Doorbell(Path(database.engine.url.database or "").resolve())
    return Notifications(database.engine)
