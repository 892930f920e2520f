"""The worker table: who was seen lately, and what all of them have done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Boolean, Float, Text, Uuid, bindparam, case, delete, func, insert, select, update

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.counters import Counts, summed
from reelwork.jobs.workers import WorkerSeen

SEEN_LATELY_S = 60.0
"""A worker that lives is seen several times within it."""

PAST = UUID(int=0)
"""The row that holds what workers have done whose own rows are gone."""

_FORGET_AFTER_S = 24 * 3600.0
_table = WorkerSeen.metadata.tables[WorkerSeen.__tablename__]
_worker = _table.c
_ID = bindparam("the_worker", type_=Uuid())
_COUNTS = bindparam("counts", type_=JSON())
_SECONDS: Any = bindparam("seconds", type_=Float())
_IS_A_WORKER = _worker.worker_id != PAST

_SHOW_LIFE = (
    update(_table)
    .where(_worker.worker_id == _ID)
    .values(
        seen_at=database_now(),
        counters=_COUNTS,
        stopped_at=case((bindparam("stopped", type_=Boolean()), database_now())),
    )
    .returning(_worker.worker_id)
)
_BEGIN = insert(_table).values(worker_id=_ID, name=bindparam("called", type_=Text()), counters=_COUNTS)
_BEGIN = _BEGIN.returning(_worker.worker_id)

# A subquery, because PostgreSQL compares an index with a clock only if it is read once.
_SEEN_SINCE = _worker.seen_at >= select(database_now(-_SECONDS)).scalar_subquery()
_COUNT = select(func.count()).where(_SEEN_SINCE, _worker.stopped_at.is_(None), _IS_A_WORKER)
_LATELY = select(_table, database_now().label("now")).where(_SEEN_SINCE, _IS_A_WORKER).order_by(_worker.seen_at.desc())
_ALL_COUNTS = select(_worker.counters)

_SEEN_LONG_AGO = _worker.seen_at < select(database_now(-_SECONDS)).scalar_subquery()
_ANY_OLD = select(_worker.worker_id).where(_SEEN_LONG_AGO, _IS_A_WORKER).limit(1)
_FORGET = delete(_table).where(_SEEN_LONG_AGO, _IS_A_WORKER).returning(_worker.counters)
_THE_PAST = select(_worker.counters).where(_worker.worker_id == PAST).with_for_update()
_REWRITE_THE_PAST = update(_table).where(_worker.worker_id == PAST).values(counters=_COUNTS, seen_at=database_now())


@dataclass(frozen=True)
class WorkerLife:
    """What is known of one run of a worker's process."""

    name: str
    started_at: datetime
    seen_s_ago: float
    stopped: bool


class WorkerTable:
    """The worker table. None of its writes waits for the disk: what a power cut undoes is written again soon."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def show_life(self, worker_id: UUID, counts: Counts, *, stopped: bool = False) -> bool:
        """Write that a worker lives, or that it stopped; False when its row is not there (any more)."""
        given = {"the_worker": worker_id, "counts": dict(counts), "stopped": stopped}
        return bool(self._database.change(_SHOW_LIFE, given, durable=False))

    def begin(self, worker_id: UUID, name: str, counts: Counts) -> None:
        """Make a worker's row."""
        given = {"the_worker": worker_id, "called": name, "counts": dict(counts)}
        self._database.change(_BEGIN, given, durable=False)

    def seen_lately(self) -> int:
        """Return how many workers live."""
        [(count,)] = self._database.query(_COUNT, {"seconds": SEEN_LATELY_S})
        return int(count)

    def lives(self, within_s: float = _FORGET_AFTER_S) -> Sequence[WorkerLife]:
        """Return the workers that were seen within so many seconds, the last seen first."""
        return [
            WorkerLife(row.name, row.started_at, (row.now - row.seen_at).total_seconds(), row.stopped_at is not None)
            for row in self._database.query(_LATELY, {"seconds": within_s})
        ]

    def counts(self) -> Counts:
        """Return what all workers have done, ever."""
        return summed([row.counters for row in self._database.query(_ALL_COUNTS)])

    def forget_long_gone(self) -> int:
        """Add the numbers of workers that were not seen for a day to those of the past, and remove their rows."""
        given = {"seconds": _FORGET_AFTER_S}
        if not self._database.query(_ANY_OLD, given):
            return 0
        with self._database.writing() as transaction:
            # Whoever does the same at this moment waits here, and then finds the rows gone.
            past = transaction.scalar(_THE_PAST)
            gone = transaction.scalars(_FORGET, given).all()
            transaction.execute(_REWRITE_THE_PAST, {"counts": summed([past, *gone])})
        return len(gone)
