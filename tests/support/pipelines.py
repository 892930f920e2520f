"""Definitions without files, and frames without pictures."""

from fractions import Fraction
from typing import Any

from reelwork.pipeline.definition import PipelineDefinition
from reelwork.video.frame import Frame


def define(nodes: dict[str, Any], outputs: list[str] | None = None, **more: Any) -> PipelineDefinition:
    """Make a definition without a file; every node is an output unless said otherwise."""
    outputs = list(nodes) if outputs is None else outputs
    return PipelineDefinition.model_validate({"name": "mine", "nodes": nodes, "outputs": outputs, **more})


def timed_frames(*times: object) -> list[Frame]:
    """Make frames at these times, without pictures."""
    return [Frame(index, Fraction(time), None) for index, time in enumerate(times)]  # type: ignore[arg-type]


def steady_frames(count: int, rate: int = 25) -> list[Frame]:
    """Make ``count`` frames at a steady rate, without pictures."""
    return timed_frames(*(Fraction(n, rate) for n in range(count)))
