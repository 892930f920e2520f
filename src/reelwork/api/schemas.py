"""The shapes of requests and answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from reelwork.jobs.lifecycle import JobStatus
from reelwork.pipeline.catalog import DEFAULT_PIPELINE
from reelwork.pipeline.sampling import FrameStride, MaxFrames


class Accepted(BaseModel):
    """The answer to a submit: the job exists and will be run."""

    job_id: UUID


class Status(BaseModel):
    """Where a job stands; ``progress`` is 0, 0.5 or 1.0."""

    job_id: UUID
    status: JobStatus
    progress: float = Field(json_schema_extra={"enum": [0.0, 0.5, 1.0]})


class FrameEntry(BaseModel):
    """The answer for one analysed frame."""

    frame_index: int = Field(ge=0, description="0-based ordinal among the frames the video presents.")
    result: dict[str, Any] = Field(description="`time_s`, and one member per output node of the pipeline.")


class Results(BaseModel):
    """The results document of a completed job."""

    job_id: UUID
    results: list[FrameEntry]


class Track(BaseModel):
    """One object over the time it was seen."""

    track_id: int
    label: str
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float
    frames: int = Field(description="On how many analysed frames it was seen.")
    max_confidence: float | None


class Tracks(BaseModel):
    """The tracked objects of a job; in the order in which they were last seen."""

    job_id: UUID
    tracks: list[Track]


class JobDetail(BaseModel):
    """Everything about a job but its results."""

    job_id: UUID
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    attempt: int = Field(description="How many claims were made and not handed back.")
    error: str | None = Field(description="Why it failed.")
    warnings: list[str] = Field(description="What a person should know about the results.")
    source: dict[str, Any] | None = Field(description="The MP4: `sha256`, `bytes`, and what its container says.")
    options: dict[str, Any]
    pipeline: dict[str, Any] = Field(description="The pipeline as it stood at submit, every setting resolved.")
    provenance: dict[str, Any] | None = Field(
        description="What the results were made with: versions, digests of pipeline and models, the decoder."
    )


class Pipeline(BaseModel):
    """A pipeline that can be asked for, or the reason why it cannot be used here."""

    name: str
    description: str
    available: bool
    unavailable_because: str | None


class Pipelines(BaseModel):
    """All pipelines, by name."""

    pipelines: list[Pipeline]


class Part(BaseModel):
    """How a part of the service is; ``reason`` says what is wrong if it failed."""

    status: Literal["ok", "failed"]
    reason: str | None = None


class Ready(BaseModel):
    """Jobs are accepted; ``degraded`` if no worker was seen lately, so that they wait."""

    status: Literal["ready", "degraded"]
    parts: dict[str, Part] = Field(description="`database`, `storage` and `worker`.")


class Problem(BaseModel):
    """RFC 9457 problem details; some types carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str


class SubmitForm(BaseModel):
    """The options of a submit, as query parameters or as fields of the form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: str = Field(DEFAULT_PIPELINE, description="Name of the pipeline to run.")
    frame_stride: FrameStride | None = None
    max_frames: MaxFrames | None = None
