"""Clear away uploads in several requests that were given up, and answers that are kept no longer."""

import logging
from itertools import islice
from uuid import UUID

from reelwork.storage.service import UPLOADS, StorageService, StoredFile, upload_folder, upload_of
from reelwork.uploads.keys import IdempotencyKeys
from reelwork.uploads.partials import PartialUploads

log = logging.getLogger(__name__)

_AT_ONCE = 100


class AbandonedUploads:
    """What is left of uploads that nobody goes on with. Safe to remove in every worker at once, and again and again."""

    def __init__(
        self, partials: PartialUploads, keys: IdempotencyKeys, storage: StorageService, older_than_s: float
    ) -> None:
        self._partials = partials
        self._keys = keys
        self._storage = storage
        self._older_than_s = older_than_s

    def remove_expired(self) -> int:
        """Remove the uploads and the answers whose time is over; return how many uploads.

        The rows go first: parts that stay behind when this is broken off are orphans, and found as such.
        """
        removed = 0
        while expired := self._partials.delete_expired(_AT_ONCE):
            for upload_id in expired:
                self._remove_parts(upload_id)
                log.info("upload.expired", extra={"upload_id": str(upload_id)})
            removed += len(expired)
        self._keys.delete_expired()
        return removed

    def remove_orphans(self) -> int:
        """Remove old parts that no upload waits with: their row was there before them, and is gone or has its job."""
        removed = 0
        files = (file for file in self._storage.list_files(UPLOADS) if file.age_s >= self._older_than_s)
        while batch := list(islice(files, _AT_ONCE)):
            for orphan in self._orphans(batch):
                self._storage.delete_file(orphan.key)
                log.warning("file.removed", extra={"key": orphan.key, "age_s": round(orphan.age_s)})
                removed += 1
        return removed

    def _orphans(self, files: list[StoredFile]) -> list[StoredFile]:
        owners = {file: upload_id for file in files if (upload_id := upload_of(file.key)) is not None}
        unfinished = self._partials.unfinished(list(set(owners.values())))
        return [file for file, upload_id in owners.items() if upload_id not in unfinished]

    def _remove_parts(self, upload_id: UUID) -> None:
        for file in self._storage.list_files(upload_folder(upload_id)):
            self._storage.delete_file(file.key)
