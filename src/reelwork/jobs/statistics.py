"""Numbers about the job table, for whoever watches the service."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, func, or_, select

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import FINISHED, HAS_WEBHOOK_DUE, PENDING, RUNNING, Job

_job = Job.metadata.tables[Job.__tablename__].c

# Each within a partial index, whose very condition it names: none reads the table.
_CONDITIONS: dict[JobStatus, Any] = {
    JobStatus.PENDING: PENDING,
    JobStatus.RUNNING: RUNNING,
    **{over: and_(FINISHED, _job.status == over) for over in (JobStatus.COMPLETED, JobStatus.FAILED)},
}
_COUNTS = {status: select(func.count()).select_from(Job).where(where) for status, where in _CONDITIONS.items()}
_HAS_RESTED = or_(_job.not_before.is_(None), _job.not_before <= database_now())
_NEXT = (
    select(func.coalesce(_job.not_before, _job.created_at), database_now())
    .where(PENDING, _HAS_RESTED)
    .order_by(_job.created_at)
    .limit(1)
)
_WEBHOOKS_DUE = select(func.count()).where(HAS_WEBHOOK_DUE).select_from(Job)

_COUNT_AGAIN_AFTER_S = 10.0
_SHARE_OF_TIME = 0.01


class JobStatistics:
    """Counts jobs; safe to use from several threads.

    A count of a million rows takes a tenth of a second, so each is remembered: for ten seconds, and for so long that
    counting takes no more than a hundredth of the time, however many jobs there are and however often it is asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Mapping[JobStatus, int] = {}
        self._count_again_at = 0.0
        self._mutex = threading.Lock()

    def by_status(self) -> Mapping[JobStatus, int]:
        """Return how many jobs are in each status; some seconds old."""
        with self._mutex:
            if (began_at := time.monotonic()) >= self._count_again_at:
                self._counts = {status: self._count(statement) for status, statement in _COUNTS.items()}
                took_s = time.monotonic() - began_at
                self._count_again_at = time.monotonic() + max(_COUNT_AGAIN_AFTER_S, took_s / _SHARE_OF_TIME)
            return self._counts

    def next_has_waited_s(self) -> float:
        """Return how long the job has waited that is claimed next; 0 when none waits."""
        for since, now in self._database.query(_NEXT):
            return float((now - since).total_seconds())
        return 0.0

    def webhooks_due(self) -> int:
        """Return how many deliveries of webhooks are still to be made."""
        return self._count(_WEBHOOKS_DUE)

    def _count(self, statement: object) -> int:
        [(count,)] = self._database.query(statement)  # type: ignore[arg-type]
        return int(count)
