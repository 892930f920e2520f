"""Uploads in several requests, each of which goes on where the last one that arrived ended.

All that is known of one is in the database and the storage: it goes on after a restart, in any API process.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from reelwork import faults
from reelwork.db.transaction import Transaction
from reelwork.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    ReelworkError,
    SubmissionRefused,
    UnsupportedMedia,
    UploadCompleted,
    UploadInUse,
    UploadLengthInconsistent,
    UploadNotFound,
    UploadOffsetMismatch,
    UploadTooLarge,
)
from reelwork.jobs.model import Job
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.rehearsal import Rehearsed
from reelwork.jobs.service import JobService
from reelwork.storage.service import StorageService, part_key, upload_folder
from reelwork.uploads.arriving import ArrivingParts
from reelwork.uploads.keys import Answer, Holder, IdempotencyKeys
from reelwork.uploads.once import fingerprint
from reelwork.uploads.partials import GivenOptions, PartialUploads, Upload, UploadLease
from reelwork.video.mp4 import SNIFF_BYTES, looks_like_mp4

log = logging.getLogger(__name__)

ReadOptions = Callable[[GivenOptions], SubmitOptions]

_PIECE_BYTES = 2**20
_RENEWALS_PER_LEASE = 3


@dataclass(frozen=True)
class Appending:
    """What a request says of the bytes it brings.

    Attributes:
        offset: Where they begin.
        completes: Whether they are the last.
        content_bytes: How many they are, if it says so.
        total_bytes: How long the whole upload is, if it says so.
    """

    offset: int
    completes: bool
    content_bytes: int | None
    total_bytes: int | None

    @property
    def length(self) -> int | None:
        """How long the whole upload is, as far as this tells.

        Raises:
            UploadLengthInconsistent: It tells two lengths.
        """
        if not self.completes or self.content_bytes is None:
            return self.total_bytes
        length = self.offset + self.content_bytes
        if self.total_bytes not in (None, length):
            raise UploadLengthInconsistent(self.total_bytes or 0, length)
        return length


class ResumableUploads:
    """The use cases of uploads in several requests."""

    def __init__(
        self,
        jobs: JobService,
        partials: PartialUploads,
        keys: IdempotencyKeys,
        storage: StorageService,
        *,
        max_bytes: int,
        lease_s: float,
    ) -> None:
        self._jobs = jobs
        self._partials = partials
        self._keys = keys
        self._storage = storage
        self._max_bytes = max_bytes
        self._renew_every_s = lease_s / _RENEWALS_PER_LEASE

    def begin(
        self, owner: str | None, given: GivenOptions, appending: Appending, key: str | None
    ) -> UploadLease | Upload:
        """Make an upload, held by this request; with a key that began one before, return that.

        Raises:
            UploadTooLarge: It will be.
            UploadLengthInconsistent: It brings more than it says.
            IdempotencyKeyInUse, IdempotencyKeyReused: The key belongs to another request.
        """
        self._require_room(appending, None)
        made = self._partials.add(owner, given, appending.total_bytes, key)
        if isinstance(made, UploadLease):
            return made
        assert key is not None
        earlier = self._partials.of_job(made.job_id) if isinstance(made, Answer) else self._partials.get(made.token)
        if earlier is None:
            raise IdempotencyKeyInUse(key) if isinstance(made, Holder) else IdempotencyKeyReused(key)
        if earlier.options != given:
            raise IdempotencyKeyReused(key)
        return earlier

    def known(self, upload_id: UUID, only_of: str | None) -> Upload:
        """Return what is known of an upload, without a word to whoever appends to it.

        Raises:
            UploadNotFound: There is none of this id.
        """
        return self._get(upload_id, only_of)

    def look(self, upload_id: UUID, only_of: str | None) -> Upload:
        """Say how far an upload has come; a request that still waits for bytes of it is over then.

        Raises:
            UploadNotFound: There is none of this id.
        """
        upload = self._get(upload_id, only_of)
        if not upload.is_held:
            return upload
        self._partials.interrupt(upload_id)
        return self._get(upload_id)

    def take(self, upload_id: UUID, appending: Appending) -> UploadLease:
        """Let a request append.

        Raises:
            UploadNotFound: There is none of this id.
            UploadCompleted: A job was made of it.
            UploadOffsetMismatch: It has arrived elsewhere.
            UploadLengthInconsistent: Its length was another.
            UploadTooLarge: It would become too large; it is gone.
            UploadInUse: Another request is at it.
        """
        upload = self._get(upload_id)
        if upload.job_id is not None:
            raise UploadCompleted(upload_id, upload.job_id)
        if upload.received_bytes != appending.offset:
            raise UploadOffsetMismatch(upload.received_bytes, appending.offset)
        self._require_room(appending, upload.total_bytes)
        lease = self._partials.take(upload_id, appending.offset, appending.length)
        if lease is None:
            raise UploadInUse(upload_id)
        return lease

    def append(self, lease: UploadLease, chunks: Iterable[bytes]) -> None:
        """Store what arrives, part by part, and let go of the upload.

        Raises:
            UploadInUse: Another request took over.
            SubmissionRefused: It is no MP4, or too large; it is gone.
            UploadLengthInconsistent: It is longer than was said; it is gone.
            Whatever ``chunks`` raises; what came before that is kept.
        """
        with self._letting_go(lease):
            self._receive(lease, chunks)

    def finish(self, lease: UploadLease, chunks: Iterable[bytes], read_options: ReadOptions) -> UUID:
        """Store what arrives, which is the rest, and make a job of it all.

        Raises:
            UploadInUse: Another request took over.
            SubmissionRefused: The video or the options are refused; the upload is gone.
            UploadLengthInconsistent: It is not as long as was said.
            Whatever ``chunks`` or ``JobService.submit`` raises; what came before that is kept.
        """
        with self._letting_go(lease):
            self._receive(lease, chunks)
            return self._make_job(lease, read_options)

    def repeated(self, upload: Upload, appending: Appending, chunks: Iterable[bytes]) -> UUID:
        """Return the job again to a request that finishes an upload for the second time.

        Raises:
            UploadCompleted: It is no such request: it would append.
        """
        assert upload.job_id is not None
        ends_at = appending.offset + sum(map(len, chunks))
        if not appending.completes or ends_at != upload.received_bytes:
            raise UploadCompleted(upload.upload_id, upload.job_id)
        return upload.job_id

    def cancel(self, upload_id: UUID, only_of: str | None) -> None:
        """Forget an upload; the job that was made of it stays.

        Raises:
            UploadNotFound: There is none of this id.
        """
        upload = self._get(upload_id, only_of)
        self._partials.delete(upload_id)
        self._clear_away(upload)
        log.info("upload.cancelled", extra={"upload_id": str(upload_id)})

    def _get(self, upload_id: UUID, only_of: str | None = None) -> Upload:
        upload = self._partials.get(upload_id)
        if upload is None or (only_of is not None and upload.owner != only_of):
            raise UploadNotFound(upload_id)
        return upload

    def _require_room(self, appending: Appending, known_bytes: int | None) -> None:
        length = appending.length
        if known_bytes is not None and length not in (None, known_bytes):
            raise UploadLengthInconsistent(known_bytes, length or 0)
        reaches = appending.offset + (appending.content_bytes or 0)
        length = known_bytes if length is None else length
        if max(reaches, length or 0) > self._max_bytes:
            raise UploadTooLarge(self._max_bytes)
        if length is not None and reaches > length:
            raise UploadLengthInconsistent(length, reaches)

    # -- a request that appends -----------------------------------------------------------------------------

    def _receive(self, lease: UploadLease, chunks: Iterable[bytes]) -> None:
        total = self._get(lease.upload_id).total_bytes
        renewing = _Renewing(self._partials, lease, self._renew_every_s)
        reached = lease.offset

        def took(size: int) -> None:
            nonlocal reached
            reached += size
            if total is not None and reached > total:
                self._discard(lease)
                raise UploadLengthInconsistent(total, reached)
            if reached > self._max_bytes:
                raise UploadTooLarge(self._max_bytes)
            renewing.if_due()

        parts = ArrivingParts(self._sniffed(chunks) if lease.offset == 0 else chunks, took)
        for part in parts:
            self._save(lease, part)
        if parts.broken_off is not None:
            raise parts.broken_off

    def _save(self, lease: UploadLease, part: Iterator[bytes]) -> None:
        key = part_key(lease.upload_id, lease.offset, lease.token)
        size = self._storage.save_file(key, part)
        faults.point("upload.saved")
        if not self._partials.advance(lease, size):
            self._storage.delete_file(key)
            raise UploadInUse(lease.upload_id)

    def _letting_go(self, lease: UploadLease) -> "_LettingGo":
        return _LettingGo(self._partials, lease, self._discard)

    def _discard(self, lease: UploadLease) -> None:
        upload = self._partials.get(lease.upload_id)
        if upload is not None and self._partials.delete_held(lease):
            self._clear_away(upload)

    # -- the job --------------------------------------------------------------------------------------------

    def _make_job(self, lease: UploadLease, read_options: ReadOptions) -> UUID:
        upload = self._get(lease.upload_id)
        # Without the lease it was another request that said the length.
        if upload.total_bytes not in (None, lease.offset) and self._partials.renew(lease):
            raise UploadLengthInconsistent(upload.total_bytes or 0, lease.offset)
        if not self._partials.end(lease):
            raise UploadInUse(lease.upload_id)
        faults.point("upload.ended")
        options = read_options(upload.options)
        made: list[UUID] = []

        def within(transaction: Transaction, job: Job) -> None:
            made.append(job.job_id)
            self._complete(transaction, lease, upload, options, job)

        try:
            job_id = self._jobs.submit(self._whole(lease), lambda: options, upload.owner, within)
        except BaseException:
            for job_id in made:
                with suppress(ReelworkError):
                    self._partials.reopen(lease.upload_id, job_id)
            raise
        self._remove_parts(lease.upload_id)
        return job_id

    def _complete(
        self, transaction: Transaction, lease: UploadLease, upload: Upload, options: SubmitOptions, job: Job
    ) -> None:
        if not self._partials.complete_within(transaction, lease, job.job_id):
            raise UploadInUse(lease.upload_id)
        if upload.key_name is not None:
            assert job.source is not None
            answer = Answer(fingerprint(job.source["sha256"], options), job.job_id)
            self._keys.complete_within(transaction, upload.key_name, lease.upload_id, answer)

    def _whole(self, lease: UploadLease) -> Iterator[bytes]:
        renewing = _Renewing(self._partials, lease, self._renew_every_s)
        for chunk in self._sniffed(self._stored(lease.upload_id)):
            renewing.if_due()
            yield chunk

    def _stored(self, upload_id: UUID) -> Iterator[bytes]:
        for key in self._partials.parts(upload_id):
            with self._storage.load_file(key) as part:
                while chunk := part.read(_PIECE_BYTES):
                    yield chunk

    def _sniffed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        head = b""
        for chunk in chunks:
            if len(head) < SNIFF_BYTES:
                head += chunk[:SNIFF_BYTES]
                if len(head) >= SNIFF_BYTES and not looks_like_mp4(head):
                    raise UnsupportedMedia("The file is not an MP4. Convert it first: ffmpeg -i input output.mp4")
            yield chunk

    def _clear_away(self, upload: Upload) -> None:
        if upload.key_name is not None:
            with suppress(ReelworkError):  # it runs out by itself
                self._keys.free(upload.key_name, upload.upload_id)
        self._remove_parts(upload.upload_id)

    def _remove_parts(self, upload_id: UUID) -> None:
        with suppress(ReelworkError):  # the rescue pass removes what cannot be removed now
            for file in self._storage.list_files(upload_folder(upload_id)):
                self._storage.delete_file(file.key)


class _Renewing:
    """Holds an upload for as long as there is something to do with it."""

    def __init__(self, partials: PartialUploads, lease: UploadLease, every_s: float) -> None:
        self._partials = partials
        self._lease = lease
        self._every_s = every_s
        self._renewed_at = time.monotonic()

    def if_due(self) -> None:
        """Renew the lease if it is time to.

        Raises:
            UploadInUse: It was lost.
        """
        if time.monotonic() - self._renewed_at < self._every_s:
            return
        if not self._partials.renew(self._lease):
            raise UploadInUse(self._lease.upload_id)
        self._renewed_at = time.monotonic()


class _LettingGo:
    """Gives up the lease at the end; what was refused, or only tried, is discarded."""

    def __init__(self, partials: PartialUploads, lease: UploadLease, discard: Callable[[UploadLease], None]) -> None:
        self._partials = partials
        self._lease = lease
        self._discard = discard

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with suppress(ReelworkError):  # the lease runs out by itself
            if kind is not None and issubclass(kind, SubmissionRefused | Rehearsed):
                self._discard(self._lease)
            else:
                self._partials.release(self._lease)
