"""Run the nodes of a graph over frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, Json
from reelwork.errors import AnalyzerFailed
from reelwork.pipeline.graph import Node, PipelineGraph
from reelwork.video.frame import Frame

BATCH_FRAMES = 4
"""Frames held at once: pictures are large, and batches gain nothing on a CPU."""


@dataclass(frozen=True)
class FrameResult:
    """What the output nodes answered for one frame."""

    frame_index: int
    time_s: float
    outputs: Mapping[str, Json]


class PipelineExecutor:
    """The nodes of one graph, loaded once and used for video after video."""

    def __init__(self, graph: PipelineGraph, context: AnalyzerContext) -> None:
        self._outputs = tuple(graph.definition.outputs)
        self._nodes: list[tuple[Node, Analyzer]] = []
        for node in graph.nodes:
            with _blame(node, "loading"):
                analyzer = node.analyzer(node.settings, context)
                analyzer.load()
            self._nodes.append((node, analyzer))

    def run(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        """Analyse the frames of one video, in order, holding at most ``BATCH_FRAMES`` of them.

        Raises:
            AnalyzerFailed: A node raised, or did not give one answer per frame.
        """
        for node, analyzer in self._nodes:
            with _blame(node, "the start of the video"):
                analyzer.begin()
        remaining = iter(frames)
        while batch := list(islice(remaining, BATCH_FRAMES)):
            yield from self._run_batch(batch)
            del batch  # or its pictures would be held while the next ones are decoded

    def _run_batch(self, batch: Sequence[Frame]) -> Iterator[FrameResult]:
        outputs: dict[str, Sequence[Json]] = {}
        for node, analyzer in self._nodes:
            with _blame(node, _span(batch)):
                answers = analyzer.analyze(batch, {name: outputs[name] for name in node.inputs})
                if len(answers) != len(batch):
                    raise ValueError(f"it gave {len(answers)} answers for {len(batch)} frames")
            outputs[node.name] = answers
        for position, frame in enumerate(batch):
            yield FrameResult(frame.index, frame.time_s, {name: outputs[name][position] for name in self._outputs})


def _span(batch: Sequence[Frame]) -> str:
    first, last = batch[0].index, batch[-1].index
    return f"frame {first}" if first == last else f"frames {first} to {last}"


@contextmanager
def _blame(node: Node, frames: str) -> Iterator[None]:
    """Turn whatever a node raises into a failure that names the node."""
    try:
        yield
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise AnalyzerFailed(node.name, node.analyzer_name, frames, what) from error
