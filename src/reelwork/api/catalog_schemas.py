"""The shapes of what the service says of itself: pipelines, analyzers, limits."""

from typing import Any

from pydantic import BaseModel, Field


class Node(BaseModel):
    """One node of a pipeline."""

    analyzer: str
    inputs: list[str] = Field(description="`$frame`, and names of other nodes.")
    settings: dict[str, Any] = Field(description="Every setting, defaults included.")


class Pipeline(BaseModel):
    """A pipeline that can be asked for, or the reason why it cannot be used here."""

    name: str
    description: str
    available: bool
    unavailable_because: str | None
    default: bool = Field(description="Whether it is the one that is run when none is named.")
    nodes: dict[str, Node]
    outputs: list[str] = Field(description="The nodes whose answers stand in the results.")
    sampling: dict[str, Any] | None = Field(description="Which frames are analysed unless a job says otherwise.")
    params: dict[str, Any] = Field(description="For each node, the JSON Schema of what `params` may set.")


class Pipelines(BaseModel):
    """All pipelines, by name."""

    pipelines: list[Pipeline]


class Analyzer(BaseModel):
    """An analyzer that pipelines can use, or the reason why it cannot be used here."""

    name: str
    description: str
    package: str | None = Field(description="The package it comes from.")
    version: str | None = Field(description="Of the package.")
    available: bool = Field(description="Whether it can be used as its defaults are; settings may change that.")
    unavailable_because: str | None
    takes_inputs: bool = Field(description="Whether it uses the answers of other nodes.")
    libraries: dict[str, str | None] = Field(description="Installed packages that its answers depend on: versions.")
    settings: dict[str, Any] | None = Field(description="JSON Schema of its settings.")


class Analyzers(BaseModel):
    """All analyzers, by name."""

    analyzers: list[Analyzer]


class KeyLimits(BaseModel):
    """What the calling API key may do."""

    key_id: str
    scopes: list[str]
    max_queued_jobs: int | None = Field(description="Pending and running jobs at once; null: any number.")
    max_queued_bytes: int | None = Field(description="Bytes of their videos together; null: any number.")


class Limits(BaseModel):
    """How much the service takes. Where null stands, there is no limit."""

    max_upload_bytes: int
    max_pixels: int = Field(description="Width x height of the picture.")
    max_duration_s: float | None
    min_retention_s: float
    max_retention_s: float = Field(description="The most `retention_s` may be.")
    retention_s: float | None = Field(description="How long jobs that do not say are kept once they are over.")
    max_tags: int
    max_tag_characters: int
    max_external_id_characters: int
    max_webhook_url_characters: int
    max_jobs_per_page: int
    containers: list[str] = Field(description="Media types that are taken.")
    key: KeyLimits | None = Field(description="Null where no key is asked for.")
