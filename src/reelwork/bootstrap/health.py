"""What is asked of each part to know whether it works."""

import os
import socket

from reelwork.api.health import Health, PartCheck
from reelwork.bootstrap.foundation import Foundation
from reelwork.db.engine import Database
from reelwork.db.migrate import current_revision, head_revision
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.worker_table import SEEN_LATELY_S, WorkerTable
from reelwork.storage.service import StorageService

_STORAGE_REMEMBERED_S = 5.0  # it costs some waits for the disk


def make_health(base: Foundation) -> Health:
    """Make the checks of the API's parts."""
    head = head_revision()
    probe_key = f"health/{socket.gethostname()}-{os.getpid()}"
    return Health(
        PartCheck("database", lambda: require_revision(base.database, head)),
        PartCheck("storage", lambda: require_storage(base.storage, probe_key), _STORAGE_REMEMBERED_S),
        PartCheck("worker", lambda: _require_worker(WorkerTable(base.database))),
    )


def require_revision(database: Database, head: str) -> None:
    """Raise ``ServiceUnavailable`` unless the database answers and has the tables this version needs."""
    if current_revision(database) != head:
        raise ServiceUnavailable("The database is not at the revision this version needs: run `reelwork migrate`.")


def require_storage(storage: StorageService, key: str) -> None:
    """Raise unless a file can be stored, read and removed."""
    said = b"Is there room, and does it stay?\n"
    storage.save_file(key, [said])
    try:
        with storage.load_file(key) as stored:
            if stored.read() != said:
                raise ServiceUnavailable("The file storage does not give back what was stored.")
    finally:
        storage.delete_file(key)


def _require_worker(workers: WorkerTable) -> None:
    if not workers.seen_lately():
        raise ServiceUnavailable(f"No worker was seen for {SEEN_LATELY_S:g} s: jobs are accepted and wait for one.")
