"""A submit that may be sent again: one job for each idempotency key."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from uuid import UUID, uuid4

from reelwork import faults
from reelwork.db.transaction import Transaction
from reelwork.errors import IdempotencyKeyInUse, IdempotencyKeyReused, ReelworkError
from reelwork.jobs.model import Job
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.service import JobService
from reelwork.uploads.keys import Answer, Holder, IdempotencyKeys, KeyName

_RENEWALS_PER_LEASE = 3


def fingerprint(sha256: str, options: SubmitOptions) -> str:
    """Return what tells one payload from another: the SHA-256 over that of the file and the options.

    Options that were not given leave no trace, so that one a later version adds changes nothing.
    """
    given = {name: value for name, value in asdict(options).items() if value not in (None, "", (), [], {}, False)}
    return hashlib.sha256(json.dumps([sha256, given], sort_keys=True).encode()).hexdigest()


class SubmitOnce:
    """``JobService.submit`` with an idempotency key."""

    def __init__(self, jobs: JobService, keys: IdempotencyKeys, lease_s: float) -> None:
        self._jobs = jobs
        self._keys = keys
        self._lease_s = lease_s

    def submit(
        self,
        chunks: Iterable[bytes],
        options: Callable[[], SubmitOptions],
        owner: str | None,
        key: str | None,
    ) -> UUID:
        """Accept a video; a request that repeats another gives the job of the first, and makes none.

        Args:
            chunks: The file. Of a repeated request it is read too, to compare it, and kept nowhere.
            options: Asked once the file is read, because a form may name its options behind the file.
            owner: Id of the API key it is submitted with.
            key: What the client calls the request; None: it is like no other.

        Raises:
            IdempotencyKeyInUse: The first request still arrives.
            IdempotencyKeyReused: The first request had another file or other options.
            Whatever ``JobService.submit`` raises; then the key is free again.
        """
        if key is None:
            return self._jobs.submit(chunks, options, owner)
        held = _HeldKey(self._keys, KeyName(owner, key), self._lease_s)
        match held.claim():
            case None:
                with held:
                    faults.point("key.claimed")
                    return self._jobs.submit(held.renewed(chunks), held.noted(options), owner, held.complete)
            case Answer() as answer:
                return _replayed(answer, chunks, options, key)
            case Holder():
                raise IdempotencyKeyInUse(key)


class _HeldKey:
    """A key that a request holds, for the time of a context; without a job in the end it is free again."""

    def __init__(self, keys: IdempotencyKeys, name: KeyName, lease_s: float) -> None:
        self._keys = keys
        self._name = name
        self._lease_s = lease_s
        self._token = uuid4()
        self._renewed_at = time.monotonic()
        self._options: SubmitOptions | None = None
        self._job_id: UUID | None = None

    def claim(self) -> Answer | Holder | None:
        return self._keys.claim(self._name, self._token, self._lease_s)

    def renewed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Hold the key as long as bytes arrive."""
        for chunk in chunks:
            if chunk and time.monotonic() - self._renewed_at > self._lease_s / _RENEWALS_PER_LEASE:
                if not self._keys.renew(self._name, self._token, self._lease_s):
                    raise IdempotencyKeyInUse(self._name.key)
                self._renewed_at = time.monotonic()
            yield chunk

    def noted(self, options: Callable[[], SubmitOptions]) -> Callable[[], SubmitOptions]:
        """Remember the options when they are asked for."""

        def noting() -> SubmitOptions:
            self._options = options()
            return self._options

        return noting

    def complete(self, transaction: Transaction, job: Job) -> None:
        assert self._options is not None
        assert job.source is not None
        self._job_id = job.job_id
        answer = Answer(fingerprint(job.source["sha256"], self._options), job.job_id)
        self._keys.complete_within(transaction, self._name, self._token, answer)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or self._job_id is None:
            with suppress(ReelworkError):  # it runs out by itself
                self._keys.free(self._name, self._token, self._job_id)


def _replayed(answer: Answer, chunks: Iterable[bytes], options: Callable[[], SubmitOptions], key: str) -> UUID:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    if fingerprint(digest.hexdigest(), options()) != answer.fingerprint:
        raise IdempotencyKeyReused(key)
    return answer.job_id
