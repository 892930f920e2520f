"""What the API does with jobs: accept one, say where it stands, open its results, run it again, delete it."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from reelwork import faults
from reelwork.db.transaction import Transaction
from reelwork.errors import (
    FileMissing,
    JobNotFailed,
    JobNotFound,
    Mistake,
    NodeNotFound,
    ReelworkError,
    ResultsGone,
    ResultsNotReady,
    ServiceUnavailable,
    UploadEmpty,
    VideoGone,
)
from reelwork.jobs.acceptance import Acceptance, ProbeVideo, StoredVideo, WhyNotTold, nobody_refuses
from reelwork.jobs.files import remove_files
from reelwork.jobs.listing import JobFilter, JobPage, Position
from reelwork.jobs.model import Job
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.rehearsal import CountFrames, Rehearsal, Rehearsed, nobody_counts
from reelwork.jobs.store import JobStore, Standing
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.intervals import tracks
from reelwork.pipeline.results import read_entries
from reelwork.storage.service import StorageService, video_key

log = logging.getLogger(__name__)

WithinSubmit = Callable[[Transaction, Job], None]
"""Writes what is to be there if, and only if, the job is."""


class JobService:
    """The use cases of the API."""

    def __init__(
        self,
        store: JobStore,
        storage: StorageService,
        catalog: PipelineCatalog,
        probe_video: ProbeVideo,
        *,
        count_frames: CountFrames = nobody_counts,
        most_retention_s: float = 0.0,
        why_not_told: WhyNotTold = nobody_refuses,
    ) -> None:
        self._store = store
        self._storage = storage
        self._acceptance = Acceptance(storage, catalog, probe_video, most_retention_s, why_not_told)
        self._rehearsal = Rehearsal(store, storage, count_frames)

    def check(self, options: SubmitOptions, mistakes: Sequence[Mistake] = ()) -> None:
        """Refuse what can be refused before the file arrives, and the mistakes that are known already.

        Raises:
            UnknownPipeline, PipelineUnavailable: The pipeline cannot be used.
            InvalidOptions: Every mistake is listed.
        """
        self._acceptance.check(options, mistakes)

    def require_room(self, owner: str | None) -> None:
        """Refuse early what ``submit`` would refuse for certain.

        Raises:
            KeyLimitReached: The API key has as much queued as it may have.
        """
        self._store.require_room(owner)

    def submit(
        self,
        chunks: Iterable[bytes],
        options: Callable[[], SubmitOptions],
        owner: str | None = None,
        within: WithinSubmit = lambda transaction, job: None,
    ) -> UUID:
        """Accept a video: when this returns, the file and the job are durable.

        Args:
            chunks: The file.
            options: Asked once the file is read, because a form may name its options behind the file.
            owner: Id of the API key it is submitted with.
            within: Called in the transaction that inserts the job; when it raises, there is no job.

        Raises:
            SubmissionRefused: The file or the options are refused, or the key has too much queued.
            Rehearsed: The client only wanted to know what would be done.
            StorageFull: There is no room for the file or the row.
            ServiceUnavailable: The storage or the database does not answer.
            Whatever ``chunks`` or ``within`` raises. After any of them neither a row nor a file remains.
        """
        job_id = uuid4()
        key = video_key(job_id)
        faults.point("submit.begun")
        try:
            digest = hashlib.sha256()
            size = self._storage.save_file(key, _noted(chunks, digest))
            if size == 0:
                raise UploadEmpty("The upload holds no bytes. Send the MP4 itself.")
            faults.point("submit.saved")
            asked = options()
            job = self._acceptance.accept(job_id, StoredVideo(key, digest.hexdigest(), size, owner), asked)
            faults.point("submit.probed")
            if asked.dry_run:
                raise Rehearsed(self._rehearsal.of(job, asked))
            self._add(job, asked.tags, within)
        except BaseException:
            with suppress(ReelworkError):  # the rescue pass removes what cannot be removed now
                self._storage.delete_file(key)
            raise
        log.info("job.accepted", extra={"job_id": str(job_id), "pipeline": job.pipeline, "bytes": size})
        faults.point("submit.committed")
        return job_id

    def _add(self, job: Job, tags: Sequence[str], within: WithinSubmit) -> None:
        try:
            self._store.add(job, tags, lambda transaction: within(transaction, job))
        except BaseException:
            # The row may be there all the same: a connection can break between the commit and its answer.
            with suppress(ReelworkError):
                self._store.delete(job.job_id)
            raise

    def get(self, job_id: UUID, only_of: str | None = None) -> Job:
        """Return the job.

        Args:
            job_id: The job.
            only_of: If given, a job that is not this API key's is as good as none; so below.

        Raises:
            JobNotFound: There is none of this id.
        """
        job = self._store.get(job_id)
        if job is None or (only_of is not None and job.owner != only_of):
            raise JobNotFound(job_id)
        return job

    def standings(self, job_ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Say where those of the jobs stand that exist, whosever they are."""
        return self._store.standings(job_ids)

    def standing_now(self, job_id: UUID) -> Sequence[Standing] | None:
        """Say the same of one, without waiting for anything; None where that cannot be done."""
        return self._store.standing_now(job_id)

    def page(self, asked: JobFilter, limit: int, after: Position | None = None, only_of: str | None = None) -> JobPage:
        """Return the next jobs behind a position, or the newest: ``limit`` of them, or fewer.

        Args:
            asked: Which jobs.
            limit: How many at most.
            after: Where the page before ended.
            only_of: If given, this API key's jobs alone.
        """
        return self._store.page(replace(asked, owner=only_of or asked.owner), limit, after)

    def tags_of(self, job: Job) -> tuple[str, ...]:
        """Return the tags of a job, sorted."""
        return self._store.tags_of(job.job_id)

    def open_video(self, job: Job) -> BinaryIO:
        """Open a job's MP4; the caller closes it.

        Raises:
            VideoGone: It is not in storage any more.
        """
        try:
            return self._storage.load_file(job.input_path)
        except FileMissing as error:
            raise VideoGone(job.job_id) from error

    def completed(self, job_id: UUID, only_of: str | None = None) -> Job:
        """Return a job that has results.

        Raises:
            JobNotFound: There is no such job.
            ResultsNotReady: It is not completed.
        """
        job = self.get(job_id, only_of)
        if job.output_path is None:
            raise ResultsNotReady(job_id, job.status, job.error_message)
        return job

    def open_results(self, job_id: UUID, only_of: str | None = None) -> BinaryIO:
        """Open the results document; the caller closes it.

        Raises:
            JobNotFound, ResultsNotReady: As ``completed``.
        """
        return self.open_results_of(self.completed(job_id, only_of))

    def open_results_of(self, job: Job) -> BinaryIO:
        """Open the results document of a completed job; the caller closes it.

        Raises:
            JobNotFound: The job was deleted meanwhile.
            ResultsGone: They are not in storage any more.
        """
        assert job.output_path is not None
        try:
            return self._storage.load_file(job.output_path)
        except FileMissing as error:
            self.get(job.job_id)
            raise ResultsGone(job.job_id) from error

    def tracks(self, job_id: UUID, node: str | None = None, only_of: str | None = None) -> Iterator[dict[str, Any]]:
        """Merge the tracked objects of a completed job, in flat memory; see ``pipeline.intervals.tracks``.

        Args:
            job_id: The job.
            node: The output node that tracks; None if the pipeline has just one.
            only_of: See ``get``.

        Raises:
            JobNotFound, ResultsNotReady: As ``completed``.
            NodeNotFound: ``node`` does not track, or has to be given.
        """
        job = self.completed(job_id, only_of)
        tracking = {
            name: job.pipeline_definition["nodes"][name]["with"]
            for name in job.pipeline_definition["outputs"]
            if job.pipeline_definition["nodes"][name]["with"].get("track")
        }
        chosen = node or ("".join(tracking) if len(tracking) == 1 else "")
        if chosen not in tracking:
            names = ", ".join(tracking) or "none; `track: true` on a node of `objects` makes one"
            raise NodeNotFound(f"Name an output node of the job that tracks objects. Here that is: {names}.")
        document = self.open_results_of(job)
        return _closing(document, tracks(read_entries(document), chosen, tracking[chosen]["max_gap_s"]))

    def retry(self, job_id: UUID, only_of: str | None = None) -> None:
        """Let a failed job be run again, with all its attempts.

        Raises:
            JobNotFound: There is no such job.
            JobNotFailed: It is pending, running or completed.
            KeyLimitReached: The key it was submitted with would have too much queued.
        """
        self.get(job_id, only_of)
        if self._store.retry(job_id):
            log.info("job.retried", extra={"job_id": str(job_id)})
            return
        raise JobNotFailed(job_id, self.get(job_id).status)

    def delete(self, job_id: UUID, only_of: str | None = None) -> None:
        """Remove a job, whatever its status, with its video and its results.

        A worker that runs it finds its lease lost. The row goes first: the job is gone when this returns,
        also if the storage does not answer; then the rescue pass removes the files.

        Raises:
            JobNotFound: There is no such job.
        """
        self.get(job_id, only_of)
        files = self._store.delete(job_id)
        if files is None:
            raise JobNotFound(job_id)
        try:
            remove_files(self._storage, files)
        except ServiceUnavailable as error:
            log.warning("files.not_removed", extra={"job_id": str(job_id), "reason": str(error)})
        log.info("job.deleted", extra={"job_id": str(job_id)})


def _noted(chunks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _closing(document: BinaryIO, items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with document:
        yield from items
