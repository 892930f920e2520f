"""What the API and the worker both stand on: database, queue, jobs and files."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate, require_head
from reelwork.errors import ConfigurationError
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.service import QueueService
from reelwork.settings import Settings
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import StorageService


@dataclass(frozen=True)
class Foundation:
    """The parts, opened."""

    database: Database
    queue: QueueService
    store: JobStore
    storage: StorageService


def open_database(settings: Settings) -> Database:
    """Open the database, whatever revision it is at.

    Raises:
        ConfigurationError: It cannot be opened, or this user may not write to its directory.
    """
    if settings.uses_embedded_database:
        _require_writable(settings.data_dir)
    return Database(settings.database_url or f"sqlite:///{settings.data_dir / 'reelwork.db'}")


def open_migrated(settings: Settings) -> Database:
    """Open the database; the embedded one is made and brought up to date first.

    Raises:
        ConfigurationError: A database of one's own is not at the revision this version needs, or the embedded one
            cannot be opened.
    """
    database = open_database(settings)
    if settings.uses_embedded_database:
        migrate(database)
    require_head(database)
    return database


def open_foundation(settings: Settings) -> Foundation:
    """Open the database and the storage; the embedded database is brought up to date first.

    Raises:
        ConfigurationError: A database of one's own is not at the revision this version needs, or a
            directory cannot be written to.
    """
    database = open_migrated(settings)
    queue = DatabaseQueue(database)
    policy = AttemptPolicy(settings.max_attempts, settings.retry_rest_s)
    return Foundation(database, queue, JobStore(database, queue, policy), open_storage(settings))


def open_storage(settings: Settings) -> StorageService:
    """Open the file storage.

    Raises:
        ConfigurationError: This user may not write to its directory.
    """
    root = settings.data_dir / "files"
    if settings.storage_url:
        root = Path(unquote(urlsplit(settings.storage_url).path))
    _require_writable(root)
    return LocalStorage(root)


def _require_writable(directory: Path) -> None:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The directory {existing} cannot be written to by this user, or at all.")
