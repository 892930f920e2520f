"""What an answer was made with: kept with the job, so that anybody can say later why it is what it is."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from reelwork import __version__
from reelwork.analyzers.analyzer import Analyzer
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.graph import Node
from reelwork.pipeline.model_files import ModelFile

_LIBRARIES = ("av", "numpy")


def provenance(
    definition: PipelineDefinition,
    nodes: Iterable[tuple[Node, Analyzer]],
    models: Mapping[str, Sequence[ModelFile]],
    registry: AnalyzerRegistry,
) -> dict[str, Any]:
    """Describe a loaded pipeline and what it runs on, as plain JSON values."""
    import av

    return {
        "reelwork": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": _versions(_LIBRARIES),
        "decoder": {
            "ffmpeg": av.ffmpeg_version_info,
            **{name: ".".join(map(str, numbers)) for name, numbers in av.library_versions.items() if name in _DECODING},
        },
        "pipeline": {"name": definition.name, "sha256": pipeline_digest(definition)},
        "nodes": {node.name: _node(node, analyzer, models[node.name], registry) for node, analyzer in nodes},
    }


_DECODING = ("libavcodec", "libavformat", "libavutil", "libswscale")


def pipeline_digest(definition: PipelineDefinition) -> str:
    """Return the SHA-256 of a definition with every setting resolved, in canonical JSON."""
    canonical = json.dumps(definition.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _node(node: Node, analyzer: Analyzer, models: Iterable[ModelFile], registry: AnalyzerRegistry) -> dict[str, Any]:
    return {
        "analyzer": node.analyzer_name,
        "package": registry.packages.get(node.analyzer_name),
        "settings": node.settings.model_dump(mode="json"),
        "libraries": _versions(analyzer.libraries),
        "models": [{"file": model.path.name, "sha256": model.sha256} for model in models],
    }


def _versions(names: Iterable[str]) -> dict[str, str | None]:
    return {name: _version(name) for name in sorted(names)}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
