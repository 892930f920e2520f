"""Every error Reelwork raises on purpose, in one tree.

ReelworkError
├── ConfigurationError          settings, database revision, directories: the operator mends it
├── SubmissionRefused           the client mends it; nothing was accepted, nothing is left behind
│   ├── InvalidOptions          one or more submit options are wrong
│   ├── UnknownPipeline
│   ├── PipelineUnavailable     known, but something it needs (a model file, a package) is missing
│   ├── UploadMalformed         the request body is not what its headers say
│   ├── UploadEmpty
│   ├── UploadTooLarge
│   ├── UnsupportedMedia        the bytes are not an MP4
│   └── VideoUnreadable         an MP4 of which no frame can be decoded
├── JobNotFound
├── JobNotFailed                only a failed job can be run again
├── ResultsNotReady             the job exists and is not completed
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
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with what a person wrote, and where."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ReelworkError(Exception):
    """Base of every deliberate error; ``str(error)`` is fit to be shown."""


class ConfigurationError(ReelworkError):
    """The service cannot start or go on as it is set up."""


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


class UnsupportedMedia(SubmissionRefused):
    """The bytes are not an MP4."""


class VideoUnreadable(SubmissionRefused):
    """No frame of the file can be decoded; the message says why."""


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
