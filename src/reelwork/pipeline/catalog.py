"""The pipelines that can be asked for by name: those shipped, and the user's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import PipelineInvalid, PipelineUnavailable, UnknownPipeline
from reelwork.pipeline.definition import read_definition
from reelwork.pipeline.graph import PipelineGraph, build_graph
from reelwork.pipeline.params import Params, with_params

SHIPPED_DIR = Path(__file__).parent / "shipped"
DEFAULT_PIPELINE = "text"


@dataclass(frozen=True)
class CatalogEntry:
    """One pipeline as a person sees it.

    Attributes:
        unavailable_because: None when it can be used.
        graph: None when its file has mistakes.
    """

    name: str
    description: str
    unavailable_because: str | None
    graph: PipelineGraph | None = field(default=None, compare=False)


class PipelineCatalog:
    """Pipelines by name. One that is invalid or lacks something is listed with the reason and refused."""

    def __init__(
        self,
        graphs: Mapping[str, PipelineGraph],
        invalid: Mapping[str, str],
        context: AnalyzerContext,
        registry: AnalyzerRegistry,
    ) -> None:
        self.registry = registry
        self.context = context
        self._graphs = dict(graphs)
        self._invalid = dict(invalid)

    @classmethod
    def load(cls, own_dir: Path, registry: AnalyzerRegistry, context: AnalyzerContext) -> Self:
        """Read the shipped pipelines and every ``*.yaml`` in ``own_dir``; a file of one's own goes first."""
        paths = {path.stem: path for path in [*_yaml_files(SHIPPED_DIR), *_yaml_files(own_dir)]}
        graphs: dict[str, PipelineGraph] = {}
        invalid: dict[str, str] = {}
        for name, path in sorted(paths.items()):
            try:
                graphs[name] = build_graph(read_definition(path), registry)
            except PipelineInvalid as error:
                invalid[name] = str(error)
        return cls(graphs, invalid, context, registry)

    def names(self) -> list[str]:
        """Return the names of all pipelines, sorted."""
        return sorted([*self._graphs, *self._invalid])

    def entries(self) -> list[CatalogEntry]:
        """List every pipeline, sorted by name; what is missing is looked at anew each time."""
        return [self._entry(name) for name in self.names()]

    def _entry(self, name: str) -> CatalogEntry:
        if name in self._invalid:
            return CatalogEntry(name, "", self._invalid[name])
        graph = self._graphs[name]
        return CatalogEntry(name, graph.definition.description, graph.unavailable_because(self.context), graph)

    def get(self, name: str, params: Params | None = None) -> PipelineGraph:
        """Return a pipeline that can be used now.

        Args:
            name: What its file is called.
            params: Settings to change, by node.

        Raises:
            UnknownPipeline: No file has this name.
            PipelineUnavailable: The file has mistakes, or something it needs is missing.
            InvalidOptions: ``params`` cannot be set; every mistake is listed.
        """
        if name in self._invalid:
            raise PipelineUnavailable(name, self._invalid[name])
        if name not in self._graphs:
            raise UnknownPipeline(name, self.names())
        graph = self._graphs[name]
        if params:
            graph = with_params(graph.definition, params, self.registry)
        if reason := graph.unavailable_because(self.context):
            raise PipelineUnavailable(name, reason)
        return graph


def _yaml_files(folder: Path) -> Iterable[Path]:
    return sorted(folder.glob("*.yaml"))
