"""Remove jobs that ended long ago, as REELWORK_RETENTION_S says."""

import logging

from reelwork.jobs.files import remove_files
from reelwork.jobs.store import JobStore
from reelwork.storage.service import StorageService

log = logging.getLogger(__name__)

_AT_ONCE = 100


class Retention:
    """Keeps ended jobs, with their videos and results, for ``keep_s`` seconds; 0 is for ever."""

    def __init__(self, store: JobStore, storage: StorageService, keep_s: float) -> None:
        self._store = store
        self._storage = storage
        self._keep_s = keep_s

    def remove_expired(self) -> int:
        """Remove the jobs whose time is over; return how many.

        The rows go first: files that stay behind when this is broken off are orphans, and found as such.
        """
        removed = 0
        while self._keep_s and (expired := self._store.delete_finished(self._keep_s, _AT_ONCE)):
            for files in expired:
                remove_files(self._storage, files)
                log.info("job.expired", extra={"job_id": str(files.job_id)})
            removed += len(expired)
        return removed
