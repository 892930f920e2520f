"""Every error Reelwork raises on purpose, in one tree.

ReelworkError
├── ConfigurationError          settings, database revision, directories: the operator mends it
├── AccessRefused               who calls may not do this
│   ├── KeyMissing              an API key is needed
│   ├── KeyInvalid              unknown, mistyped or revoked
│   └── ScopeMissing            the key is good, but not for this
├── SubmissionRefused           the client mends it; nothing was accepted, nothing is left behind
│   ├── InvalidOptions          one or more submit options are wrong
│   ├── UnknownPipeline
│   ├── PipelineUnavailable     known, but something it needs (a model file, a package) is missing
│   ├── UploadMalformed         the request body is not what its headers say
│   ├── UploadEmpty
│   ├── UploadTooLarge
│   ├── KeyLimitReached         the key has as much queued as it may have
│   ├── UnsupportedMedia        the bytes are not an MP4
│   ├── IdempotencyKeyReused    the key was used for another file or other options
│   └── VideoUnreadable         an MP4 of which no frame can be decoded
├── IdempotencyKeyInUse         the first request of this key is not answered yet
├── UploadStalled               no more of the request came
├── UploadNotFound              there is no upload in several requests of this id
├── UploadInUse                 another request appends to the upload, or makes a job of it
├── UploadOffsetMismatch        the request does not begin where the upload has arrived
├── UploadLengthInconsistent    what the client says of its length is not what it said, or sent
├── UploadCompleted             a job was made of it; nothing can be appended
├── JobNotFound
├── JobNotFailed                only a failed job can be run again
├── ResultsNotReady             the job exists and is not completed
├── VideoGone                   the job exists, and its video is not in storage any more
├── ResultsGone                 the same of its results
├── FrameNotFound               the video of a job has no frame of this number
├── FrameNotAnalysed            it has, and the results say nothing about it
├── NotAcceptable               the client takes none of the forms there are
├── RangeNotSatisfiable         the bytes that are asked for are not there
├── NodeNotFound                the results hold no answers of such a node
├── PipelineInvalid             a pipeline file with mistakes, all of them listed
├── AnalysisFailed              a job's run came to an end without results
│   ├── DecodingStopped         the video broke off part of the way through
│   └── AnalyzerFailed          a node raised, or broke its promise
├── StorageError
│   ├── InvalidKey              a key that would leave the storage root
│   └── FileMissing
└── ServiceUnavailable          a part the service needs does not answer; try again later
    ├── NotReady                one or more parts fail, each by name
    └── StorageFull             the disk of the files or of the database: the operator makes room

``str(error)`` is the public message: a sentence for the person who can act on it, free of paths, SQL
and stack traces unless that person is the operator. The technical cause travels as ``__cause__``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with what a person wrote, and where.

    ``path`` is the place step by step, for whoever must not take names with dots apart.
    """

    where: str
    message: str
    path: tuple[str | int, ...] = field(default=(), compare=False)

    @classmethod
    def at(cls, path: Sequence[str | int], message: str) -> Self:
        """Make one whose place reads like ``nodes.text.with.min_confidence``; ``message`` may be pydantic's."""
        return cls(".".join(map(str, path)), message.removeprefix("Value error, "), tuple(path))

    @property
    def steps(self) -> tuple[str | int, ...]:
        """The place step by step; what was given as a whole is one step."""
        return self.path or ((self.where,) if self.where else ())

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer in a URI fragment: ``#/params/text/min_confidence``."""
        escaped = (quote(str(step).replace("~", "~0").replace("/", "~1"), safe="~") for step in self.steps)
        return "#" + "".join(f"/{step}" for step in escaped)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ReelworkError(Exception):
    """Base of every deliberate error; ``str(error)`` is fit to be shown."""


class ConfigurationError(ReelworkError):
    """The service cannot start or go on as it is set up."""


class AccessRefused(ReelworkError):
    """Who calls may not do this."""


class KeyMissing(AccessRefused):
    """The request shows no API key."""

    def __init__(self) -> None:
        super().__init__("This service asks for an API key. Send it as `Authorization: Bearer rw_...`.")


class KeyInvalid(AccessRefused):
    """The key is unknown, mistyped or revoked: which of them is nobody's business."""

    def __init__(self) -> None:
        super().__init__("The API key is not known here, or was revoked.")


class ScopeMissing(AccessRefused):
    """The key is good, but does not allow this."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"The API key does not have the scope '{scope}', which this needs.")


class SubmissionRefused(ReelworkError):
    """The upload or its options were refused; no row and no file remain."""


class InvalidOptions(SubmissionRefused):
    """One or more submit options are wrong; ``mistakes`` lists every one."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(str(mistake) for mistake in self.mistakes))


class UnknownPipeline(SubmissionRefused):
    """No pipeline has the name that was asked for."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.known = tuple(known)
        super().__init__(f"There is no pipeline named {name!r}. Known pipelines: {', '.join(self.known)}.")


class PipelineUnavailable(SubmissionRefused):
    """The pipeline exists, but something it needs is missing."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Pipeline {name!r} is not available here: {reason}")


class UploadMalformed(SubmissionRefused):
    """The request body is not what its headers say it is."""


class UploadEmpty(SubmissionRefused):
    """There was no file, or a file of no bytes."""


class UploadTooLarge(SubmissionRefused):
    """The file is larger than the service accepts."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"The file is larger than this service accepts ({limit_bytes} bytes).")


class KeyLimitReached(SubmissionRefused):
    """The key has as much pending and running as it may have, or would have more.

    Attributes:
        queued_jobs: What it has, without what was refused.
        queued_bytes: The size of their videos together.
        max_queued_jobs: What it may have; None: any number.
        max_queued_bytes: The same of the bytes.
    """

    def __init__(
        self, queued_jobs: int, queued_bytes: int, max_queued_jobs: int | None, max_queued_bytes: int | None
    ) -> None:
        self.queued_jobs, self.queued_bytes = queued_jobs, queued_bytes
        self.max_queued_jobs, self.max_queued_bytes = max_queued_jobs, max_queued_bytes
        limits = [
            f"{most} {unit}"
            for most, unit in ((max_queued_jobs, "jobs"), (max_queued_bytes, "bytes"))
            if most is not None
        ]
        super().__init__(
            f"The API key may have {' and '.join(limits)} pending or running at once, and has "
            f"{queued_jobs} jobs with {queued_bytes} bytes. Submit again when some of them are over."
        )


class UnsupportedMedia(SubmissionRefused):
    """The bytes are not an MP4."""


class IdempotencyKeyReused(SubmissionRefused):
    """The key was used before, with another file or other options."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key {key!r} was used for another file or other options. Make a new key for each submit."
        )


class VideoUnreadable(SubmissionRefused):
    """No frame of the file can be decoded; the message says why."""


class IdempotencyKeyInUse(ReelworkError):
    """The first request of the key is not answered yet."""

    def __init__(self, key: str) -> None:
        super().__init__(f"A request with the Idempotency-Key {key!r} is still arriving. Send it again in a while.")


class UploadStalled(ReelworkError):
    """The client sent no more of its request for too long."""

    def __init__(self, waited_s: float) -> None:
        super().__init__(f"No more of the request came for {waited_s:g} s.")


class UploadNotFound(ReelworkError):
    """No upload in several requests has this id: it was refused, given up or never there."""

    def __init__(self, upload_id: UUID | str) -> None:
        super().__init__(f"There is no upload {upload_id}. Begin a new one with POST /video/submit.")


class UploadInUse(ReelworkError):
    """Another request appends to the upload, or took it over from this one."""

    def __init__(self, upload_id: UUID) -> None:
        super().__init__(f"Another request is at upload {upload_id}. Ask for its offset (HEAD) and go on from there.")


class UploadOffsetMismatch(ReelworkError):
    """The request does not begin where the upload has arrived."""

    def __init__(self, expected: int, provided: int) -> None:
        self.expected, self.provided = expected, provided
        super().__init__(f"The upload has arrived at byte {expected}; this request begins at byte {provided}.")


class UploadLengthInconsistent(ReelworkError):
    """The length of the upload is not what was said before, or not what was sent."""

    def __init__(self, expected: int, provided: int) -> None:
        super().__init__(f"The upload was said to be {expected} bytes long; by this request it would be {provided}.")


class UploadCompleted(ReelworkError):
    """A job was made of the upload; nothing can be appended."""

    def __init__(self, upload_id: UUID, job_id: UUID) -> None:
        self.job_id = job_id
        super().__init__(f"Upload {upload_id} is complete: it has become job {job_id}.")


class JobNotFound(ReelworkError):
    """No job has this id."""

    def __init__(self, job_id: UUID | str) -> None:
        super().__init__(f"There is no job {job_id}.")


class JobNotFailed(ReelworkError):
    """The job has not failed, so it cannot be retried."""

    def __init__(self, job_id: UUID, status: str) -> None:
        self.status = status
        super().__init__(f"Job {job_id} is {status}; only a failed job can be retried.")


class ResultsNotReady(ReelworkError):
    """The job exists and is not completed, so it has no results."""

    def __init__(self, job_id: UUID, status: str, error_message: str | None) -> None:
        self.status = status
        self.error_message = error_message
        if error_message is None:
            message = f"Job {job_id} is {status}; its results appear when it is completed."
        else:
            message = f"Job {job_id} failed and has no results: {error_message}"
        super().__init__(message)


class VideoGone(ReelworkError):
    """The video of a job is not in storage any more."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"The video of job {job_id} is not in storage any more.")


class ResultsGone(ReelworkError):
    """The results of a completed job are not in storage any more."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"Job {job_id} is completed, but its results are not in storage any more.")


class FrameNotFound(ReelworkError):
    """The video of a job has no frame of this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"The video has no frame {number}; frames are numbered from 0 in the order of presentation.")


class FrameNotAnalysed(ReelworkError):
    """The results say nothing about this frame."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Frame {number} was not analysed, so there is nothing to draw. Leave out `boxes`.")


class NotAcceptable(ReelworkError):
    """What is asked for comes in none of the forms that the client takes."""

    def __init__(self, available: Sequence[str]) -> None:
        self.available = tuple(available)
        super().__init__(f"This comes as {', '.join(self.available)}. Name one of them in Accept.")


class RangeNotSatisfiable(ReelworkError):
    """The bytes that are asked for lie behind the end, or are none."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"There are {size} bytes; the range that is asked for is none of them.")


class NodeNotFound(ReelworkError):
    """No node of the job's pipeline gives what was asked for; the message names those that do."""


class PipelineInvalid(ReelworkError):
    """A pipeline definition with mistakes; ``mistakes`` lists every one."""

    def __init__(self, name: str, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        lines = "".join(f"\n  - {mistake}" for mistake in self.mistakes)
        super().__init__(f"Pipeline {name} has {len(self.mistakes)} mistake(s):{lines}")


class AnalysisFailed(ReelworkError):
    """The run of a job ended without results; the message becomes the job's ``error_message``."""


class DecodingStopped(AnalysisFailed):
    """The video broke off after ``decoded`` frames."""

    def __init__(self, decoded: int, expected: int | None, reason: str) -> None:
        of_all = f" of {expected}" if expected else ""
        where = f"after frame {decoded - 1}{of_all}" if decoded else "before the first frame"
        super().__init__(f"Decoding stopped {where}: the video is damaged or truncated ({reason}).")


class AnalyzerFailed(AnalysisFailed):
    """Node ``node`` raised, or answered something it must not."""

    def __init__(self, node: str, analyzer: str, frames: str, what: str) -> None:
        super().__init__(f"Node {node!r} (analyzer {analyzer!r}) failed on {frames}: {what}")


class StorageError(ReelworkError):
    """The file storage refused or could not do what was asked."""


class InvalidKey(StorageError):
    """A storage key that is not a plain relative path below the root."""

    def __init__(self, key: Any) -> None:
        super().__init__(f"{key!r} is not a valid storage key.")


class FileMissing(StorageError):
    """No file is stored under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"No file is stored under {key!r}.")


class ServiceUnavailable(ReelworkError):
    """The database or the storage does not answer; trying again later may help."""


class NotReady(ServiceUnavailable):
    """Parts of the service do not work; ``parts`` says of each how it is and why."""

    def __init__(self, parts: Mapping[str, Mapping[str, str]], failed: Sequence[str]) -> None:
        self.parts = parts
        super().__init__(" ".join(parts[name]["reason"] for name in failed))


class StorageFull(ServiceUnavailable):
    """There is no room left to write to."""
