"""Remove jobs that ended long ago, as they or REELWORK_RETENTION_S say."""

import logging
from collections.abc import Callable

from reelwork.jobs.files import remove_files
from reelwork.jobs.store import JobStore, StoredFiles
from reelwork.storage.service import StorageService

log = logging.getLogger(__name__)

_AT_ONCE = 100


class Retention:
    """Keeps ended jobs, with their videos and results, as long as they ask for, or else for ``keep_s`` seconds.

    0 is for ever.
    """

    def __init__(self, store: JobStore, storage: StorageService, keep_s: float) -> None:
        self._store = store
        self._storage = storage
        self._keep_s = keep_s

    def remove_expired(self) -> int:
        """Remove the jobs whose time is over; return how many.

        The rows go first: files that stay behind when this is broken off are orphans, and found as such.
        """
        removed = self._remove(lambda: self._store.delete_expired(_AT_ONCE))
        if self._keep_s:
            removed += self._remove(lambda: self._store.delete_finished(self._keep_s, _AT_ONCE))
        return removed

    def _remove(self, delete_some: Callable[[], list[StoredFiles]]) -> int:
        removed = 0
        while expired := delete_some():
            for files in expired:
                remove_files(self._storage, files)
                log.info("job.expired", extra={"job_id": str(files.job_id)})
            removed += len(expired)
        return removed
