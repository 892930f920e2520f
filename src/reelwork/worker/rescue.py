"""Repair what killed processes left behind; safe to run in every worker at once, and again and again."""

import logging
import time
from dataclasses import dataclass

from reelwork.jobs.counters import Counted, Counters
from reelwork.jobs.store import JobStore
from reelwork.uploads.abandoned import AbandonedUploads
from reelwork.worker.chore import Chore
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.retention import Retention
from reelwork.worker.scratch import remove_abandoned

log = logging.getLogger(__name__)

_LEASES_EVERY_S = 10.0
_SHORTEST_WAIT_S = 0.02
_FILES_EVERY_S = 3600.0
_UPLOADS_EVERY_S = 600.0
_MOST_RETENTION_INTERVAL_S = 60.0


@dataclass(frozen=True)
class Rescued:
    """What one pass did: numbers of jobs and of files.

    ``foreign`` files are those it left alone because not one file in the storage belongs to a job.
    """

    handed_back: int
    failed: int
    expired: int
    orphans: int
    unfinished: int
    uploads: int = 0
    foreign: int = 0


class Rescue:
    """Takes jobs from workers that are gone, and clears away what belongs to no job any more."""

    def __init__(
        self,
        store: JobStore,
        orphaned: OrphanedFiles,
        retention: Retention,
        abandoned: AbandonedUploads,
        counters: Counters | None = None,
        *,
        lease_s: float,
        retention_s: float,
    ) -> None:
        self._store = store
        self._orphaned = orphaned
        self._retention = retention
        self._counters = counters or Counters()
        self._abandoned = abandoned
        self._interval_s = min(lease_s / 3, _LEASES_EVERY_S)
        self._due_at = time.monotonic()
        expire_every_s = min(retention_s or _MOST_RETENTION_INTERVAL_S, _MOST_RETENTION_INTERVAL_S)
        self._chores = [
            Chore("rescue.files", self._clear_away, _FILES_EVERY_S),
            Chore("rescue.uploads", abandoned.remove_expired, _UPLOADS_EVERY_S),
            Chore("rescue.retention", self._remove_expired, expire_every_s),
        ]

    @property
    def due_in_s(self) -> float:
        """Seconds until ``run_if_due`` must be called again."""
        return max(self._due_at - time.monotonic(), 0.0)

    def run_if_due(self) -> None:
        """Look for lost workers when the first lease is over, for files once an hour; first at once."""
        for chore in self._chores:
            chore.begin_if_due()
        if (now := time.monotonic()) >= self._due_at:
            # A lease that is given meanwhile lasts longer than the interval.
            self._due_at = now + self._interval_s
            if (over_in_s := self._store.lease_over_in_s()) is None:
                return
            if over_in_s <= 0:
                self._take_from_lost_workers()
            self._due_at = min(self._due_at, now + max(over_in_s, _SHORTEST_WAIT_S))

    def run(self, *, remove_foreign: bool = False) -> Rescued:
        """Run one whole pass, now.

        Args:
            remove_foreign: Whether to remove files even if not one of all belongs to a job of this database.
        """
        handed_back, failed = self._take_from_lost_workers()
        # Before jobs expire: the last one may be all that tells whose files these are.
        foreign = 0 if remove_foreign else self._orphaned.foreign()
        expired, uploads = self._remove_expired(), self._abandoned.remove_expired()
        if foreign:
            return Rescued(handed_back, failed, expired, orphans=0, unfinished=0, uploads=uploads, foreign=foreign)
        orphans = self._orphaned.remove() + self._abandoned.remove_orphans()
        return Rescued(handed_back, failed, expired, orphans, self._orphaned.discard_unfinished(), uploads)

    def _take_from_lost_workers(self) -> tuple[int, int]:
        released, failed = self._store.expire_leases()
        for job_id in released:
            log.warning("job.rescued", extra={"job_id": str(job_id)})
        for job_id in failed:
            log.warning("job.failed", extra={"job_id": str(job_id), "error": "its worker was lost too often"})
        self._count("handed_back", len(released))
        self._count("failed", len(failed))
        if released or failed:
            self._counters.add(Counted.ATTEMPTS_LOST, "worker_lost", len(released) + len(failed))
        return len(released), len(failed)

    def _remove_expired(self) -> int:
        return self._count("expired", self._retention.remove_expired())

    def _clear_away(self) -> None:
        remove_abandoned()
        self._count("files_removed", self._orphaned.discard_unfinished())
        self._count("files_removed", self._orphaned.remove_with_care())
        if not self._orphaned.foreign():
            self._abandoned.remove_orphans()

    def _count(self, action: str, count: int) -> int:
        if count:
            self._counters.add(Counted.RESCUES, action, count)
        return count
