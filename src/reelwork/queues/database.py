"""The default queue: hints in a table beside the jobs, shared by every process that shares the database."""

import time
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Executable, Insert, Integer, Uuid, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from reelwork.db.engine import Base, Database

POLL_INTERVAL_S = 0.1


class QueueEntry(Base):
    """One waiting hint. ``position`` grows with every hint, so that the oldest comes out first."""

    __tablename__ = "queue_entry"
    # Without this SQLite gives the position of a deleted last row to the next one.
    __table_args__ = ({"sqlite_autoincrement": True},)

    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    job_id: Mapped[UUID] = mapped_column(Uuid, unique=True)


class DatabaseQueue:
    """The ``TransactionalQueue`` of a database."""

    def __init__(self, database: Database, poll_interval_s: float = POLL_INTERVAL_S) -> None:
        self._database = database
        self._poll_interval_s = poll_interval_s

    def enqueue(self, job_id: UUID) -> None:
        """See ``QueueService``."""
        with self._database.writing() as session:
            self.enqueue_within(session, job_id)

    def enqueue_within(self, session: Session, job_id: UUID) -> None:
        """See ``TransactionalQueue``."""
        session.execute(self._insert(job_id))

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        """See ``QueueService``."""
        deadline = time.monotonic() + timeout_s
        while True:
            # An idle worker only reads: a write would wait its turn and sync the disk for nothing.
            if self._has_hints() and (job_id := self._take()) is not None:
                return job_id
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0:
                return None
            time.sleep(min(self._poll_interval_s, remaining_s))

    def size(self) -> int:
        """See ``QueueService``."""
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(QueueEntry)) or 0

    def _has_hints(self) -> bool:
        """Tell whether any hint is waiting, without counting them."""
        with self._database.reading() as session:
            return session.scalar(select(QueueEntry.position).limit(1)) is not None

    def _take(self) -> UUID | None:
        with self._database.writing() as session:
            job_id: UUID | None = session.scalar(_take_oldest())
            return job_id

    def _insert(self, job_id: UUID) -> Insert:
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement: Any = dialect.insert(QueueEntry).values(job_id=job_id)
        return statement.on_conflict_do_nothing(index_elements=["job_id"])  # type: ignore[no-any-return]


def _take_oldest() -> Executable:
    # SKIP LOCKED (ignored by SQLite, which has one writer) lets workers take different hints at once
    # instead of queueing for the same one.
    oldest = select(QueueEntry.position).order_by(QueueEntry.position).limit(1).with_for_update(skip_locked=True)
    statement = delete(QueueEntry).where(QueueEntry.position == oldest.scalar_subquery())
    return statement.returning(QueueEntry.job_id)
