"""What the service answers, as plain immutable objects. Members that a newer service adds are no error."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

Status = Literal["pending", "running", "completed", "failed"]


class JobState(msgspec.Struct, frozen=True):
    """Where a job stands; ``progress`` is 0, 0.5 or 1.0."""

    job_id: UUID
    status: Status
    progress: float

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in ("completed", "failed")


class FrameResult(msgspec.Struct, frozen=True):
    """The answer for one analysed frame: ``result`` holds ``time_s`` and one member per output node."""

    frame_index: int
    result: dict[str, Any]

    @property
    def time_s(self) -> float:
        """Exact presentation time of the frame in seconds."""
        return float(self.result["time_s"])


class JobEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the list of jobs; ``document`` holds all the service says of it there."""

    job_id: UUID
    status: Status
    created_at: datetime
    updated_at: datetime
    pipeline: str
    tags: tuple[str, ...] = ()
    external_id: str | None = None
    error: str | None = None
    document: dict[str, Any] = {}


class JobDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a job; ``document`` holds all of it, as the service said it."""

    job_id: UUID
    status: Status
    created_at: datetime
    updated_at: datetime
    attempt: int
    error: str | None = None
    warnings: tuple[str, ...] = ()
    source: dict[str, Any] | None = None
    options: dict[str, Any] = {}
    pipeline: dict[str, Any] = {}
    provenance: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    external_id: str | None = None
    document: dict[str, Any] = {}


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline the service knows, or the reason why it cannot be used there."""

    name: str
    description: str
    available: bool
    unavailable_because: str | None = None
    document: dict[str, Any] = {}


class Analyzer(msgspec.Struct, frozen=True, kw_only=True):
    """An analyzer the service knows, or the reason why it cannot be used there."""

    name: str
    available: bool
    unavailable_because: str | None = None
    document: dict[str, Any] = {}
