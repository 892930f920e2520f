"""What a job may change of a pipeline: settings of its nodes."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import InvalidOptions, Mistake, PipelineInvalid
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.graph import PipelineGraph, build_graph

Params = Mapping[str, Mapping[str, Any]]
"""Settings by node."""

_OPTION = "params"


def with_params(definition: PipelineDefinition, params: Params, registry: AnalyzerRegistry) -> PipelineGraph:
    """Return a pipeline with settings of its nodes changed; the others stay as they are.

    Raises:
        InvalidOptions: Every mistake is listed: unknown nodes and settings, wrong values, full paths.
    """
    mistakes = [*_unknown_nodes(definition, params), *_full_paths(params, _OPTION)]
    nodes = {
        name: node.model_copy(update={"settings": {**node.settings, **params.get(name, {})}})
        for name, node in definition.nodes.items()
    }
    try:
        graph = build_graph(definition.model_copy(update={"nodes": nodes}), registry)
    except PipelineInvalid as error:
        mistakes += [_in_params(mistake) for mistake in error.mistakes]
    if mistakes:
        raise InvalidOptions(mistakes)
    return graph


def _unknown_nodes(definition: PipelineDefinition, params: Params) -> Iterator[Mistake]:
    known = ", ".join(definition.nodes) or "none"
    for name in params:
        if name not in definition.nodes:
            yield Mistake.at([_OPTION, name], f"The pipeline {definition.name!r} has no such node; its nodes: {known}")


def _full_paths(value: Any, *place: str | int) -> Iterator[Mistake]:
    """Find full paths: which files of this machine are opened is not for those who submit to say."""
    if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive):
        yield Mistake.at(place, "A full path can be set in the pipeline's file only")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _full_paths(inner, *place, name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _full_paths(inner, *place, number)


def _in_params(mistake: Mistake) -> Mistake:
    """Say of a mistake in a definition where it stands in the params: a setting of a node is all they can change."""
    match mistake.steps:
        case ["nodes", str(node), "with", *setting]:
            return Mistake.at([_OPTION, node, *setting], mistake.message)
    return Mistake.at([_OPTION], mistake.message)
