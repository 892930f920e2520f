"""Remove files that belong to no job: what a process left behind that was killed half way."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from reelwork.jobs.files import belongs_to
from reelwork.jobs.store import JobStore
from reelwork.storage.service import RESULTS, VIDEOS, StorageService, StoredFile, job_of

log = logging.getLogger(__name__)

_AT_ONCE = 200


class OrphanedFiles:
    """The files in storage that no row of the job table points to.

    Safe to remove in every worker at once, and again and again. A file is judged by rows that are read
    after it was listed. Results: once they are stored, either the row has their attempt's token or their
    output path, or it never will. A video is stored before its row is written: one without a row may be
    on its way to it, so it must be older than any upload takes from its last byte to its row.
    """

    def __init__(self, store: JobStore, storage: StorageService, older_than_s: float) -> None:
        self._store = store
        self._storage = storage
        self._older_than_s = older_than_s

    def remove(self) -> int:
        """Remove them; return how many."""
        removed = 0
        for files in self._batches():
            for orphan in self._orphans(filter(self._is_old, files)):
                self._storage.delete_file(orphan.key)
                log.warning("file.removed", extra={"key": orphan.key, "age_s": round(orphan.age_s)})
                removed += 1
        return removed

    def remove_with_care(self) -> int:
        """Remove them unless they are ``foreign``; return how many."""
        if foreign := self.foreign():
            reason = "not one of the stored files belongs to a job of this database"
            log.warning("files.foreign", extra={"files": foreign, "reason": reason})
            return 0
        return self.remove()

    def foreign(self) -> int:
        """Return how many would be removed although no file at all belongs to a job.

        Then the database may be a wrong one, and the files those of another.
        """
        removable = 0
        for files in self._batches():
            if len(self._orphans(files)) < len(files):
                return 0
            removable += sum(self._is_old(file) for file in files)
        return removable

    def discard_unfinished(self) -> int:
        """Remove what was left of uploads and results that were never whole; return how many."""
        return self._storage.discard_unfinished(self._older_than_s)

    def _is_old(self, file: StoredFile) -> bool:
        return file.age_s >= self._older_than_s

    def _batches(self) -> Iterator[list[StoredFile]]:
        for folder in (VIDEOS, RESULTS):
            # What somebody else put there is none of ours.
            files = (file for file in self._storage.list_files(folder) if job_of(file.key) is not None)
            while batch := list(islice(files, _AT_ONCE)):
                yield batch

    def _orphans(self, files: Iterable[StoredFile]) -> Sequence[StoredFile]:
        owners = {file: job_id for file in files if (job_id := job_of(file.key)) is not None}
        jobs = self._store.get_many(list(owners.values()))
        return [file for file, job_id in owners.items() if job_id not in jobs or not belongs_to(jobs[job_id], file.key)]
