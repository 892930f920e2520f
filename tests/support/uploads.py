"""Partial uploads in a real database, and a client that speaks the resumable upload draft."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.storage.service import StorageService
from reelwork.uploads.abandoned import AbandonedUploads
from reelwork.uploads.keys import IdempotencyKeys
from reelwork.uploads.model import IdempotencyKey, PartialUpload
from reelwork.uploads.partials import PartialUploads, UploadLease


def upload_tables(
    database: Database, *, lease_s: float = 30, expiry_s: float = 3600
) -> tuple[IdempotencyKeys, PartialUploads]:
    """Give the tables of a database."""
    keys = IdempotencyKeys(database, expiry_s)
    return keys, PartialUploads(database, keys, lease_s=lease_s, expiry_s=expiry_s)


def abandoned_uploads(database: Database, storage: StorageService, older_than_s: float) -> AbandonedUploads:
    """Make the clean-up of a database's uploads."""
    keys, partials = upload_tables(database)
    return AbandonedUploads(partials, keys, storage, older_than_s)


def begun(partials: PartialUploads, total_bytes: int | None = None, key: str | None = None) -> UploadLease:
    """Begin an upload."""
    lease = partials.add(None, [("pipeline", "frames")], total_bytes, key)
    assert isinstance(lease, UploadLease)
    return lease


def let_upload_expire(database: Database, upload_id: UUID) -> None:
    """Let the time of an upload be over, and that of the request that appends to it."""
    _update(database, upload_id, expires_at=database_now(-60), lease_token=None, lease_expires_at=None)


def let_upload_lease_run_out(database: Database, upload_id: UUID) -> None:
    """Let the request that appends be one that shows no life."""
    _update(database, upload_id, lease_expires_at=database_now(-1))


def let_key_run_out(database: Database, key: str) -> None:
    """Let the time of an idempotency key be over."""
    with database.writing() as transaction:
        transaction.execute(update(IdempotencyKey).where(IdempotencyKey.key == key).values(expires_at=database_now(-1)))


def _update(database: Database, upload_id: UUID, **values: Any) -> None:
    with database.writing() as transaction:
        transaction.execute(update(PartialUpload).where(PartialUpload.upload_id == upload_id).values(**values))


@dataclass
class SeveralRequests:
    """A client that uploads in several requests."""

    http: httpx.Client
    url: str = ""

    def begin(self, content: bytes = b"", *, length: int | None = None, **options: str) -> httpx.Response:
        """Send the first request."""
        headers = {"Content-Type": "video/mp4", "Upload-Complete": "?0"}
        if length is not None:
            headers["Upload-Length"] = str(length)
        answer = self.http.post("/video/submit", params=options, content=content, headers=headers)
        self.url = answer.headers.get("Location", "")
        return answer

    def append(self, content: bytes, offset: int, *, last: bool = False, **headers: str) -> httpx.Response:
        """Send the next bytes."""
        told = {
            "Content-Type": "application/partial-upload",
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if last else "?0",
            **headers,
        }
        return self.http.patch(self.url, content=content, headers=told)

    def offset(self) -> int:
        """Ask how much has arrived."""
        answer = self.http.head(self.url)
        assert answer.status_code == 204, answer.headers
        return int(answer.headers["Upload-Offset"])
