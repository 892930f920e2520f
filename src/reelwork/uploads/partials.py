"""The tables of uploads in several requests: what can be done to one, each a transaction of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from reelwork import faults
from reelwork.db.engine import Database
from reelwork.db.transaction import Transaction
from reelwork.storage.service import part_key
from reelwork.uploads import statements
from reelwork.uploads.keys import Answer, Holder, IdempotencyKeys, KeyName

GivenOptions = list[tuple[str, str]]
"""The options of a submit as a client gives them: names and values, in order."""


@dataclass(frozen=True)
class Upload:
    """An upload as it is now.

    Attributes:
        is_held: Whether a request appends to it at this moment, or makes a job of it.
    """

    upload_id: UUID
    owner: str | None
    options: GivenOptions
    idempotency_key: str | None
    received_bytes: int
    total_bytes: int | None
    job_id: UUID | None
    is_held: bool

    @property
    def key_name(self) -> KeyName | None:
        """The idempotency key it was begun with."""
        return None if self.idempotency_key is None else KeyName(self.owner, self.idempotency_key)


@dataclass
class UploadLease:
    """What a request shows to be allowed to append; ``offset`` is how far it has come."""

    upload_id: UUID
    offset: int
    token: UUID = field(default_factory=uuid4)

    @property
    def shown(self) -> dict[str, Any]:
        """As the statements want it."""
        return {"the_upload": self.upload_id, "token": self.token}


class PartialUploads:
    """The table, and that of the parts.

    A part counts when its row is committed, with the offset it advances: one that was stored by a request that
    lost its lease meanwhile stays a file without a row.
    """

    def __init__(self, database: Database, keys: IdempotencyKeys, *, lease_s: float, expiry_s: float) -> None:
        self._database = database
        self._keys = keys
        self._lease_s = lease_s
        self._expiry_s = expiry_s

    def add(
        self, owner: str | None, options: GivenOptions, total_bytes: int | None, key: str | None
    ) -> UploadLease | Answer | Holder:
        """Begin an upload, held by the request that asks for it; with a key that is not free, say who has it."""
        lease = UploadLease(uuid4(), 0)
        given = {**lease.shown, "whose": owner, "given": options, "called": key, "total": total_bytes, **self._times}
        with self._database.writing() as transaction:
            if key is not None:
                name = KeyName(owner, key)
                if other := self._keys.claim_within(transaction, name, lease.upload_id, self._expiry_s):
                    return other
            transaction.execute(statements.INSERT_UPLOAD, given)
            faults.point("upload.inserted")
        return lease

    def get(self, upload_id: UUID) -> Upload | None:
        """Return an upload, or None."""
        return self._one(statements.GET_UPLOAD, {"the_upload": upload_id})

    def of_job(self, job_id: UUID) -> Upload | None:
        """Return the upload that a job was made of, or None."""
        return self._one(statements.GET_UPLOAD_OF_JOB, {"the_job": job_id})

    def _one(self, statement: Any, given: dict[str, Any]) -> Upload | None:
        for row in self._database.query(statement, given):
            options = [(name, value) for name, value in row.options]
            return Upload(
                row.upload_id,
                row.owner,
                options,
                row.idempotency_key,
                row.received_bytes,
                row.total_bytes,
                row.job_id,
                bool(row.is_held),
            )
        return None

    def take(self, upload_id: UUID, offset: int, total_bytes: int | None) -> UploadLease | None:
        """Let a request append at an offset; None when it cannot be there, or another request is at it."""
        lease = UploadLease(upload_id, offset)
        given = {**lease.shown, "at": offset, "total": total_bytes, "lease_s": self._lease_s}
        return lease if self._database.change(statements.TAKE_UPLOAD, given, durable=False) else None

    def renew(self, lease: UploadLease) -> bool:
        """Say that more is coming; False when the lease was lost."""
        given = {**lease.shown, "lease_s": self._lease_s}
        return bool(self._database.change(statements.RENEW_UPLOAD, given, durable=False))

    def advance(self, lease: UploadLease, size: int) -> bool:
        """Let a part that is stored at the lease's offset count; False when the lease was lost."""
        given = {**lease.shown, "at": lease.offset}
        reached = {"reached": lease.offset + size, **self._times}
        with self._database.writing() as transaction:
            advanced = transaction.execute(statements.ADVANCE_UPLOAD, {**given, **reached}).all()
            for row in advanced:
                transaction.execute(statements.INSERT_PART, given)
                if row.idempotency_key is not None:
                    name = KeyName(row.owner, row.idempotency_key)
                    kept = {**name.given, "token": lease.upload_id, "lease_s": self._expiry_s}
                    transaction.execute(statements.RENEW_KEY, kept)
            faults.point("upload.advanced")
        if advanced:
            lease.offset += size
        return bool(advanced)

    def parts(self, upload_id: UUID) -> list[str]:
        """Return the storage keys of the parts that count, in order."""
        rows = self._database.query(statements.GET_PARTS, {"the_upload": upload_id})
        return [part_key(upload_id, begins_at, written_by) for begins_at, written_by in rows]

    def end(self, lease: UploadLease) -> bool:
        """Say that everything has arrived; False when the lease was lost."""
        return bool(self._database.change(statements.END_UPLOAD, {**lease.shown, "lease_s": self._lease_s}))

    def complete_within(self, transaction: Transaction, lease: UploadLease, job_id: UUID) -> bool:
        """Note which job was made of an upload, in the transaction that makes it; False when the lease was lost."""
        given = {**lease.shown, "made": job_id, "expiry_s": self._expiry_s}
        return bool(transaction.execute(statements.COMPLETE_UPLOAD, given).all())

    def reopen(self, upload_id: UUID, job_id: UUID) -> None:
        """Take back that a job was made of it, if there is no such job."""
        self._database.change(statements.REOPEN_UPLOAD, {"the_upload": upload_id, "made": job_id})

    def release(self, lease: UploadLease) -> None:
        """Let the next request append."""
        self._database.change(statements.RELEASE_UPLOAD, lease.shown, durable=False)

    def interrupt(self, upload_id: UUID) -> None:
        """Take the lease from a request that still waits for bytes."""
        self._database.change(statements.INTERRUPT_UPLOAD, {"the_upload": upload_id}, durable=False)

    def delete(self, upload_id: UUID) -> bool:
        """Forget an upload; whoever appends to it finds the lease lost. False when there is none."""
        return bool(self._database.change(statements.DELETE_UPLOAD, {"the_upload": upload_id}))

    def delete_held(self, lease: UploadLease) -> bool:
        """Forget an upload that its holder refuses; False when the lease was lost."""
        return bool(self._database.change(statements.DELETE_HELD_UPLOAD, lease.shown))

    def delete_expired(self, most: int) -> list[UUID]:
        """Forget uploads whose time is over, ``most`` of them at once."""
        return [row.upload_id for row in self._database.change(statements.DELETE_EXPIRED_UPLOADS, {"most": most})]

    def unfinished(self, upload_ids: Sequence[UUID]) -> set[UUID]:
        """Return those of the uploads that wait for more, or for their job."""
        rows = self._database.query(statements.LIVE_UPLOADS, {"the_uploads": upload_ids})
        return {row.upload_id for row in rows}

    @property
    def _times(self) -> dict[str, float]:
        return {"lease_s": self._lease_s, "expiry_s": self._expiry_s}
