"""A pipeline definition checked against the installed analyzers: an executable order of nodes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import Mistake, PipelineInvalid
from reelwork.pipeline.definition import FRAME, TIME, NodeDefinition, PipelineDefinition, mistakes_of


@dataclass(frozen=True)
class Node:
    """One node with its analyzer class and validated settings; ``inputs`` names other nodes only."""

    name: str
    analyzer_name: str
    analyzer: type[Analyzer]
    settings: AnalyzerSettings
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class PipelineGraph:
    """The nodes of a valid pipeline in an order in which every node follows its inputs.

    ``definition`` has every setting resolved, defaults included: it is what a job freezes.
    """

    definition: PipelineDefinition
    nodes: tuple[Node, ...]

    @cached_property
    def definition_json(self) -> dict[str, Any]:
        """The definition as plain JSON values, made once: every job of the pipeline is given it."""
        return self.definition.to_json()

    def unavailable_because(self, context: AnalyzerContext) -> str | None:
        """Say what the nodes lack in this place and what to do, or None when all of them can run."""
        reasons = (_unavailable_because(node, context) for node in self.nodes)
        return " ".join(dict.fromkeys(reason for reason in reasons if reason)) or None


def _unavailable_because(node: Node, context: AnalyzerContext) -> str | None:
    try:
        return node.analyzer.unavailable_because(node.settings, context)
    except Exception as error:  # a plugin's; the other pipelines are listed all the same
        return f"Analyzer {node.analyzer_name!r} is broken: {type(error).__name__}: {error}"


def build_graph(definition: PipelineDefinition, registry: AnalyzerRegistry) -> PipelineGraph:
    """Check a definition and order its nodes.

    Raises:
        PipelineInvalid: Every mistake is listed: unknown analyzers and inputs, bad settings, cycles,
            outputs that do not exist and nodes that nothing uses.
    """
    mistakes: list[Mistake] = []
    nodes: dict[str, Node] = {}
    for name, written in definition.nodes.items():
        found = list(_node_mistakes(name, written, definition, registry))
        mistakes += found
        if not found:
            nodes[name] = _bind(name, written, registry)
    mistakes += _wiring_mistakes(definition)
    if mistakes:
        raise PipelineInvalid(definition.name, mistakes)
    order = TopologicalSorter({name: node.inputs for name, node in nodes.items()}).static_order()
    ordered = tuple(nodes[name] for name in order)
    return PipelineGraph(_resolved(definition, nodes), ordered)


def _bind(name: str, written: NodeDefinition, registry: AnalyzerRegistry) -> Node:
    analyzer = registry.analyzers[written.analyzer]
    settings = analyzer.Settings.model_validate(written.settings)
    return Node(name, written.analyzer, analyzer, settings, tuple(i for i in written.inputs if i != FRAME))


def _node_mistakes(
    name: str, written: NodeDefinition, definition: PipelineDefinition, registry: AnalyzerRegistry
) -> Iterator[Mistake]:
    place = f"nodes.{name}"
    for given in written.inputs:
        if given != FRAME and given not in definition.nodes:
            yield Mistake(f"{place}.inputs", f"there is no node named {given!r}")
    analyzer = registry.analyzers.get(written.analyzer)
    if analyzer is None:
        yield Mistake(f"{place}.analyzer", _unknown_analyzer(written.analyzer, registry))
        return
    if not analyzer.takes_inputs and any(given != FRAME for given in written.inputs):
        yield Mistake(f"{place}.inputs", f"analyzer {written.analyzer!r} takes {FRAME} alone")
    try:
        analyzer.Settings.model_validate(written.settings)
    except ValidationError as error:
        yield from mistakes_of(error, "nodes", name, "with")


def _unknown_analyzer(name: str, registry: AnalyzerRegistry) -> str:
    if name in registry.broken:
        return registry.broken[name]
    return f"there is no analyzer named {name!r}; installed: {', '.join(sorted(registry.analyzers))}"


def _wiring_mistakes(definition: PipelineDefinition) -> Iterator[Mistake]:
    for output in definition.outputs:
        if output not in definition.nodes:
            yield Mistake("outputs", f"there is no node named {output!r}")
    inputs = {name: [i for i in node.inputs if i in definition.nodes] for name, node in definition.nodes.items()}
    if TIME in definition.nodes:
        yield Mistake(f"nodes.{TIME}", f"{TIME} stands for the time of the frame in the results: use another name")
    used = {*definition.outputs, *(given for given_inputs in inputs.values() for given in given_inputs)}
    for name in definition.nodes:
        if name not in used:
            yield Mistake(f"nodes.{name}", "neither an output nor an input of another node: remove it or use it")
    try:
        TopologicalSorter(inputs).prepare()
    except CycleError as error:
        yield Mistake("nodes", f"nodes wait for each other in a circle: {' -> '.join(error.args[1])}")


def _resolved(definition: PipelineDefinition, nodes: dict[str, Node]) -> PipelineDefinition:
    resolved = {
        name: written.model_copy(update={"settings": nodes[name].settings.model_dump(mode="json")})
        for name, written in definition.nodes.items()
    }
    return definition.model_copy(update={"nodes": resolved})
