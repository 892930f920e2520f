"""What can be asked for, and how it is written into a request."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec


class JobOptions(TypedDict, total=False):
    """The options of a submit. What is left out, or None, is up to the service and the pipeline.

    Attributes:
        pipeline: Name of the pipeline.
        frame_stride: Analyse every n-th frame.
        every_s: Analyse a frame each so many seconds.
        keyframes: Analyse the key frames only.
        max_frames: Analyse at most so many.
        ranges: Parts to analyse, each ``{"start_s", "end_s"}`` or ``{"start_frame", "end_frame"}``.
        params: Settings of the pipeline's nodes to change, by node.
        tags: Words to find the job by.
        external_id: What you call the job.
        retention_s: How long the service keeps it once it is over.
        webhook_url: Where the service is to tell that it is over.
    """

    pipeline: str | None
    frame_stride: int | None
    every_s: float | None
    keyframes: bool | None
    max_frames: int | None
    ranges: Sequence[Mapping[str, float]] | None
    params: Mapping[str, Mapping[str, Any]] | None
    tags: list[str] | tuple[str, ...]
    external_id: str | None
    retention_s: float | None
    webhook_url: str | None


class ResultFilters(TypedDict, total=False):
    """Which answers are wanted. What is left out, or None, filters nothing.

    Attributes:
        start_s: Frames from this time on.
        end_s: Frames before this time.
        node: Answers of this node, or of these.
        label: Items whose label, text or format is this, or one of these.
        q: Items in whose label or text this occurs.
        min_confidence: Items at least so confident.
        nonempty: Frames for which something is left.
    """

    start_s: float | None
    end_s: float | None
    node: str | list[str] | None
    label: str | list[str] | None
    q: str | None
    min_confidence: float | None
    nonempty: bool | None


class JobFilters(TypedDict, total=False):
    """Which jobs are wanted. What is left out, or None, filters nothing.

    Attributes:
        status: Those that stand there.
        pipeline: Those of this pipeline.
        tag: Those with this tag.
        external_id: Those that were given this name.
    """

    status: str | None
    pipeline: str | None
    tag: str | None
    external_id: str | None


_REPEATED = ("tags", "node", "label")


def parameters(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return options or filters as they stand in a query; of several words each is given by itself."""
    return [
        (name, _written(value))
        for name, given in options.items()
        for value in (given if name in _REPEATED and isinstance(given, list | tuple) else [given])
        if value is not None
    ]


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
