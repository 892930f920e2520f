"""The port to file storage, and the keys files are stored under."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

VIDEOS = "video_jobs"
RESULTS = "video_results"
UPLOADS = "video_uploads"


def video_key(job_id: UUID) -> str:
    """Return the key of a job's MP4."""
    return f"{VIDEOS}/{job_id}.mp4"


def results_folder(job_id: UUID) -> str:
    """Return the folder that holds the results of every attempt at a job."""
    return f"{RESULTS}/{job_id}"


def results_key(job_id: UUID, lease_token: UUID) -> str:
    """Return the key of the results of one attempt: a place no other attempt writes to."""
    return f"{results_folder(job_id)}/{lease_token}.json"


def upload_folder(upload_id: UUID) -> str:
    """Return the folder that holds what has arrived of an upload in several requests."""
    return f"{UPLOADS}/{upload_id}"


def part_key(upload_id: UUID, begins_at: int, written_by: UUID) -> str:
    """Return the key of a part of an upload: by where it begins, and by who alone writes there."""
    return f"{upload_folder(upload_id)}/{begins_at:020}-{written_by}"


def upload_of(key: str) -> UUID | None:
    """Return the upload of which a part is stored under a key; None if the key is no part's."""
    match key.split("/"):
        case [folder, upload, name] if folder == UPLOADS:
            upload_id, token = _id(upload), _id(name[21:])
            begins_at = name[:20]
            if upload_id is not None and token is not None and begins_at.isdecimal():
                return upload_id if key == part_key(upload_id, int(begins_at), token) else None
    return None


def job_of(key: str) -> UUID | None:
    """Return the job whose video or results are stored under a key; None if the key is neither's."""
    match key.split("/"):
        case [folder, name] if folder == VIDEOS:
            job_id = _id(name.removesuffix(".mp4"))
            return job_id if job_id is not None and key == video_key(job_id) else None
        case [folder, owner, name] if folder == RESULTS:
            job_id, token = _id(owner), _id(name.removesuffix(".json"))
            if job_id is not None and token is not None and key == results_key(job_id, token):
                return job_id
    return None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class StoredFile:
    """A whole file in a storage.

    Attributes:
        key: What it is stored under.
        size: In bytes.
        age_s: Seconds since its last byte was written, when the listing began, on the storage's own clock:
            a worker whose clock is wrong must not take a new file for an old one.
    """

    key: str
    size: int
    age_s: float


class StorageService(Protocol):
    """Files by key. A key is a relative path of plain names: ``video_jobs/{job_id}.mp4``.

    Every method raises ``InvalidKey`` for a key that is not, ``StorageFull`` when there is no room, and
    ``ServiceUnavailable`` when the storage cannot do its work now (gone, read-only).
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

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        """List the whole files whose keys begin with ``folder/``, in no order and in flat memory.

        Files that come or go meanwhile may be listed or not; all others are.
        """

    def discard_unfinished(self, older_than_s: float) -> int:
        """Remove what was left behind by writers that ended before their file was whole; return how many.

        Args:
            older_than_s: Only what nobody wrote to for so long, on the storage's own clock.
        """
