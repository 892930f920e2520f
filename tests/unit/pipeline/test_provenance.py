"""What is kept of how an answer was made."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from reelwork import __version__
from reelwork.analyzers import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.executor import PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.pipeline.provenance import pipeline_digest, provenance
from tests.support.analyzers import Index
from tests.support.pipelines import define


class WithModel(Index):
    libraries = ("numpy", "not-installed")

    def model_files(self) -> list[Path]:
        return [self.context.models_dir / "small.onnx"]


def test_versions_digests_and_settings(tmp_path: Path) -> None:
    (tmp_path / "small.onnx").write_bytes(b"weights" * 1000)
    registry = AnalyzerRegistry({"model": WithModel}, packages={"model": "acme-vision 1.2.3"})
    graph = build_graph(define({"a": {"analyzer": "model"}}), registry)
    executor = PipelineExecutor(graph, AnalyzerContext(tmp_path))
    told = provenance(graph.definition, executor.nodes, executor.models, registry)
    assert json.loads(json.dumps(told)) == told
    assert told["reelwork"] == __version__
    assert told["libraries"]["av"] == version("av")
    assert told["decoder"]["libavcodec"].count(".") == 2
    assert told["pipeline"] == {"name": "mine", "sha256": pipeline_digest(graph.definition)}
    assert told["nodes"]["a"] == {
        "analyzer": "model",
        "package": "acme-vision 1.2.3",
        "settings": {},
        "libraries": {"numpy": version("numpy"), "not-installed": None},
        "models": [{"file": "small.onnx", "sha256": hashlib.sha256(b"weights" * 1000).hexdigest()}],
    }


def test_the_digest_of_a_pipeline_changes_with_any_setting() -> None:
    nodes = {"a": {"analyzer": "constant", "with": {"value": 1, "label": "é"}}}
    digest = pipeline_digest(define(nodes))
    assert digest == pipeline_digest(define({"a": {"with": {"label": "é", "value": 1}, "analyzer": "constant"}}))
    others = [
        define({"a": {"analyzer": "constant", "with": {"value": 2, "label": "é"}}}),
        define(nodes, sampling={"frame_stride": 2}),
        define(nodes, max_failed_share=0.5),
    ]
    assert len({digest, *map(pipeline_digest, others)}) == 4


def test_installed_analyzers_know_their_package() -> None:
    assert AnalyzerRegistry.installed().packages["text"] == f"reelwork {__version__}"
