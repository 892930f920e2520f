"""What the service answers, as plain immutable objects."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID


@dataclass(frozen=True)
class JobState:
    """Where a job stands; ``progress`` is 0, 0.5 or 1.0."""

    job_id: UUID
    status: Literal["pending", "running", "completed", "failed"]
    progress: float

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in ("completed", "failed")


@dataclass(frozen=True)
class FrameResult:
    """The answer for one analysed frame: ``result`` holds ``time_s`` and one member per output node."""

    frame_index: int
    result: dict[str, Any]

    @property
    def time_s(self) -> float:
        """Exact presentation time of the frame in seconds."""
        return float(self.result["time_s"])


@dataclass(frozen=True)
class Results:
    """The results document of a completed job: one entry for every analysed frame, in order."""

    job_id: UUID
    results: list[FrameResult]


@dataclass(frozen=True)
class Pipeline:
    """A pipeline the service knows, or the reason why it cannot be used there."""

    name: str
    description: str
    available: bool
    unavailable_because: str | None = None
