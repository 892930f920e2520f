"""The port to file storage, and the keys files are stored under."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID


def video_key(job_id: UUID) -> str:
    """Return the key of a job's MP4."""
    return f"video_jobs/{job_id}.mp4"


def results_key(job_id: UUID, lease_token: UUID) -> str:
    """Return the key of the results of one attempt: a place no other attempt writes to."""
    return f"video_results/{job_id}/{lease_token}.json"


class StorageService(Protocol):
    """Files by key. A key is a relative path of plain names: ``video_jobs/{job_id}.mp4``.

    Every method raises ``InvalidKey`` for a key that is not, and ``ServiceUnavailable`` when the storage
    cannot do its work now (gone, full, read-only).
    """

    def save_file(self, key: str, chunks: Iterable[bytes]) -> int:
        """Store a file, whole or not at all, in flat memory; return its size in bytes.

        When this returns, the file outlives a loss of power. A file of the same key is replaced. If
        ``chunks`` raises, nothing is stored and the exception goes on to the caller.
        """

    def load_file(self, key: str) -> BinaryIO:
        """Open a stored file for reading and seeking; the caller closes it.

        Raises:
            FileMissing: Nothing is stored under the key.
        """

    def delete_file(self, key: str) -> None:
        """Remove a file; one that is not there is no error."""

    def local_path(self, key: str) -> AbstractContextManager[Path]:
        """Give a stored file as a local path for the time of the context; nobody may change it.

        Raises:
            FileMissing: Nothing is stored under the key.
        """
