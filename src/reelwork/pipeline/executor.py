"""Run the nodes of a graph over frames."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, Json
from reelwork.errors import AnalyzerFailed
from reelwork.pipeline.engine import FrameEngine
from reelwork.pipeline.graph import Node, PipelineGraph
from reelwork.pipeline.model_files import ModelFile
from reelwork.pipeline.steps import Answers, Failed, Step, arrange, can_split, failures
from reelwork.video.frame import Frame, Moment


@dataclass(frozen=True)
class FrameResult:
    """What the output nodes answered for one frame."""

    frame_index: int
    time_s: float
    outputs: Mapping[str, Json]


class PipelineExecutor:
    """The nodes of one graph, loaded once and used for video after video."""

    def __init__(self, graph: PipelineGraph, context: AnalyzerContext, workers: int = 1, *, reuse: bool = True) -> None:
        """Load the analyzers.

        Args:
            graph: The pipeline.
            context: What the analyzers are offered.
            workers: How many frames are analysed at once; changes nothing in the answers.
            reuse: Whether frames with identical pixels share answers; changes nothing in them either.

        Raises:
            AnalyzerFailed: One could not be loaded.
        """
        self._graph = graph
        self._nodes = [(node, _loaded(node, context)) for node in graph.nodes]
        self.models = {
            node.name: [ModelFile.of(path) for path in analyzer.model_files()] for node, analyzer in self._nodes
        }
        self._stages = arrange(self._nodes)
        self._engine = FrameEngine(self._stages, workers, reuse=reuse)
        self._parallel_part = FrameEngine([stage for stage in self._stages if not stage.ordered], workers, reuse=reuse)

    def has_its_models(self) -> bool:
        """Whether the files that its analyzers were loaded from are still those."""
        return all(model.is_in_place() for models in self.models.values() for model in models)

    @property
    def nodes(self) -> list[tuple[Node, Analyzer]]:
        """The nodes with their loaded analyzers, each behind its inputs."""
        return list(self._nodes)

    def run(self, frames: Iterable[Frame]) -> Iterator[FrameResult]:
        """Analyse the frames of one video.

        Returns:
            A result for each, in order.

        Raises:
            AnalyzerFailed: A node raised on more frames than the pipeline lets pass.
            Whatever ``frames`` raises, behind the results of the frames before.
        """
        self._begin()
        # Closed at once whatever happens: its threads must not outlive the file that they decode.
        with closing(self._engine.run(frames)) as answered:
            yield from self._results(answered)

    @property
    def can_split(self) -> bool:
        """Whether parts of a video can be analysed apart, with ``observe`` and ``conclude``."""
        return can_split(self._stages)

    def observe(self, frames: Iterable[Frame]) -> Generator[tuple[Moment, Answers], None, None]:
        """Do what does not depend on other frames, for a part of a video; errors are answers here."""
        return self._parallel_part.run(frames)

    def conclude(self, observed: Iterable[tuple[Moment, Answers]]) -> Iterator[FrameResult]:
        """Do the rest: for all of the video's frames, in order, as ``observe`` gave them.

        Raises:
            AnalyzerFailed: As ``run``.
        """
        self._begin()
        steps = [step for stage in self._stages if stage.ordered for step in stage.steps]
        yield from self._results(_concluded(observed, steps))

    def _begin(self) -> None:
        for node, analyzer in self._nodes:
            with _blame(node, "the start of the video"):
                analyzer.begin()

    def _results(self, answered: Iterable[tuple[Moment, Answers]]) -> Iterator[FrameResult]:
        tally = _FailureTally(self._graph)
        for moment, answers in answered:
            tally.count(moment, answers)
            outputs = {name: _told(answers[name]) for name in self._graph.definition.outputs}
            yield FrameResult(moment.index, float(moment.time), outputs)
        tally.settle()


class _FailureTally:
    """Counts on how many frames each node failed, and fails the video when that is too many."""

    def __init__(self, graph: PipelineGraph) -> None:
        self._nodes = {node.name: node for node in graph.nodes}
        self._most = graph.definition.max_failed_share
        self._frames = 0
        self._failed: dict[str, int] = dict.fromkeys(self._nodes, 0)
        self._first: dict[str, AnalyzerFailed] = {}

    def count(self, moment: Moment, answers: Answers) -> None:
        """Take the answers for one frame.

        Raises:
            AnalyzerFailed: A node failed, and none may.
        """
        self._frames += 1
        for name, failed in failures(answers).items():
            self._failed[name] += 1
            if name not in self._first:
                node = self._nodes[name]
                error = AnalyzerFailed(name, node.analyzer_name, f"frame {moment.index}", failed.what)
                error.__cause__ = failed.error
                self._first[name] = error
            if not self._most:
                raise self._first[name]

    def settle(self) -> None:
        """Decide at the end of the video.

        Raises:
            AnalyzerFailed: A node failed on too many frames; the first of them is named.
        """
        for name, error in self._first.items():
            # A quotient is the double nearest to it, as the share that was written is; a product may be off.
            if self._failed[name] / self._frames > self._most:
                raise error


def _concluded(observed: Iterable[tuple[Moment, Answers]], steps: Sequence[Step]) -> Iterator[tuple[Moment, Answers]]:
    for moment, answers in observed:
        for step in steps:
            step.run(None, moment, answers)
        yield moment, answers


def _told(answer: Json) -> Json:
    return answer.told() if isinstance(answer, Failed) else answer


def _loaded(node: Node, context: AnalyzerContext) -> Analyzer:
    with _blame(node, "loading"):
        analyzer = node.analyzer(node.settings, context)
        analyzer.load()
    return analyzer


@contextmanager
def _blame(node: Node, when: str) -> Iterator[None]:
    """Turn whatever a node raises into a failure that names the node."""
    try:
        yield
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise AnalyzerFailed(node.name, node.analyzer_name, when, what) from error
