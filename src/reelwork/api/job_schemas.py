"""The shapes of what is told about jobs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from reelwork.api.submit_form import ExternalId, PipelineName, Tag
from reelwork.jobs.lifecycle import JobStatus

MOST_JOBS = 1000


class JobQuery(BaseModel):
    """Which jobs are listed: those of which all that is given is true."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: JobStatus | None = None
    pipeline: PipelineName | None = None
    tag: Tag | None = None
    external_id: ExternalId | None = None
    limit: int = Field(100, ge=1, le=MOST_JOBS, description="How many jobs a page has at most.")
    cursor: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="`next_cursor` of the page before, with the same filters."
    )


class JobEntry(BaseModel):
    """A job in the list."""

    job_id: UUID
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    pipeline: str
    tags: list[str]
    external_id: str | None
    owner: str | None
    bytes: int | None
    error: str | None = Field(description="Why it failed.")


class Jobs(BaseModel):
    """Some jobs, the newest first."""

    jobs: list[JobEntry]
    next_cursor: str | None = Field(
        description="Where the next page begins; null on the last. A page may have fewer jobs than `limit`, even none, "
        "and still not be the last."
    )


class Timings(BaseModel):
    """When what happened."""

    created_at: datetime
    started_at: datetime | None = Field(description="When the latest attempt began.")
    finished_at: datetime | None
    waited_s: float | None = Field(description="From the submit to the beginning of the latest attempt.")
    ran_s: float | None = Field(description="From there to the end.")


class Attempts(BaseModel):
    """How often it was begun."""

    count: int = Field(description="How many claims were made and not handed back.")
    lost: list[str] = Field(description="Why attempts were lost, the first one first.")


class FrameCounts(BaseModel):
    """How many frames there were; told when the job is over, never before."""

    analysed: int


class Webhook(BaseModel):
    """Who is told of the end of the job."""

    url: str
    state: Literal["waiting", "due", "done"] = Field(
        description="`waiting` for the end of the job, `due` to be sent, `done` when nothing will be sent any more."
    )
    attempts: int
    next_attempt_at: datetime | None


class JobDetail(BaseModel):
    """Everything about a job but its results."""

    job_id: UUID
    status: JobStatus
    progress: float = Field(json_schema_extra={"enum": [0.0, 0.5, 1.0]})
    created_at: datetime
    updated_at: datetime
    timings: Timings
    attempt: int = Field(description="How many claims were made and not handed back.")
    attempts: Attempts
    error: str | None = Field(description="Why it failed.")
    warnings: list[str] = Field(description="What a person should know about the results.")
    source: dict[str, Any] | None = Field(description="The MP4: `sha256`, `bytes`, and what its container says.")
    bytes: int | None = Field(description="Size of the MP4.")
    frames: FrameCounts | None = Field(description="Null until the job is completed.")
    options: dict[str, Any] = Field(description="The sampling that was asked for.")
    pipeline: dict[str, Any] = Field(description="The pipeline as it stood at submit, every setting resolved.")
    provenance: dict[str, Any] | None = Field(
        description="What the results were made with: versions, digests of pipeline and models, the decoder."
    )
    tags: list[str]
    external_id: str | None
    owner: str | None = Field(description="Id of the API key it was submitted with.")
    retention_s: float | None = Field(description="How long it is kept once it is over, if it was asked for.")
    expires_at: datetime | None = Field(description="When it goes, with its video and its results; null: never.")
    webhook: Webhook | None
    links: dict[str, str]
