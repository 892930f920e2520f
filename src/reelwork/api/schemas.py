"""The shapes of requests and answers."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from reelwork.jobs.lifecycle import JobStatus


class Accepted(BaseModel):
    """The answer to a submit: the job exists and will be run."""

    job_id: UUID


class DryRun(BaseModel):
    """The answer to a dry run: what would be done. Nothing of it is kept."""

    pipeline: str
    source: dict[str, Any] = Field(description="The MP4: `sha256`, `bytes`, and what its container says.")
    frames_in_video: int | None = Field(description="How many frames it presents; null if only decoding can tell.")
    frames_to_analyse: int | None = Field(description="How many of them the sampling picks; null likewise.")
    estimated_s: float | None = Field(
        description="How many seconds that takes, by what it took here before; null if it was never done."
    )
    estimated_from: int = Field(description="From how many earlier jobs with this pipeline.")
    definition: dict[str, Any] = Field(description="The pipeline, every setting resolved.")
    options: dict[str, Any] = Field(description="The sampling that was asked for.")
    tags: list[str]
    external_id: str | None
    retention_s: float | None
    webhook_url: str | None
    warnings: list[str]


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


class SeenInterval(BaseModel):
    """One thing that an output node saw in consecutive analysed frames."""

    node: str
    name: str = Field(description="The text, the label, the contents of the code, `shot 3`, or a quality.")
    format: str | None = Field(None, description="Of a code.")
    track_id: int | str | None = Field(None, description="Of an object that is followed.")
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float = Field(description="Time of the last analysed frame that shows it.")
    gone_s: float | None = Field(description="Time of the analysed frame behind that, which does not.")
    frames: int = Field(description="On how many analysed frames it was seen.")
    max_confidence: float | None


class Intervals(BaseModel):
    """What was seen, from when to when; in the order in which it was last seen."""

    job_id: UUID
    intervals: list[SeenInterval]


class CocoDataSet(BaseModel):
    """The results as a COCO data set, with `format=coco`."""

    info: dict[str, Any]
    licenses: list[dict[str, Any]]
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: list[dict[str, Any]]


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
