"""The nodes of a graph, run over frames."""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs
from reelwork.errors import AnalyzerFailed
from reelwork.pipeline.engine import frames_held
from reelwork.pipeline.executor import FrameResult, PipelineExecutor
from reelwork.pipeline.graph import build_graph
from tests.support.analyzers import Index, answering, registry
from tests.support.pipelines import define, steady_frames, timed_frames

INDEX = {"analyzer": "index"}


def executor(
    context: AnalyzerContext, nodes: dict[str, Any], outputs: list[str] | None = None, workers: int = 1, **more: Any
) -> PipelineExecutor:
    return PipelineExecutor(build_graph(define(nodes, outputs), registry(**more)), context, workers)


def outputs_of(results: Sequence[FrameResult]) -> list[dict[str, Any]]:
    return [dict(result.outputs) for result in results]


class TestResults:
    @pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 50])
    def test_one_for_each_frame_in_order(self, context: AnalyzerContext, count: int) -> None:
        results = list(executor(context, {"a": INDEX}).run(steady_frames(count)))
        assert [result.frame_index for result in results] == list(range(count))
        assert outputs_of(results) == [{"a": n} for n in range(count)]

    def test_indices_and_times_are_those_of_the_frames(self, context: AnalyzerContext) -> None:
        frames = timed_frames("0.1", "0.25", "7")[1:]
        results = list(executor(context, {"a": INDEX}).run(frames))
        assert [(result.frame_index, result.time_s) for result in results] == [(1, 0.25), (2, 7.0)]

    def test_inputs_come_by_name_and_for_the_same_frames(self, context: AnalyzerContext) -> None:
        nodes = {
            "both": {"analyzer": "collect", "inputs": ["$frame", "seven", "index"]},
            "index": INDEX,
            "seven": {"analyzer": "constant", "with": {"value": 7}},
        }
        results = list(executor(context, nodes, ["both"]).run(steady_frames(6)))
        assert outputs_of(results) == [{"both": {"seven": 7, "index": n}} for n in range(6)]

    def test_a_diamond(self, context: AnalyzerContext) -> None:
        nodes = {
            "end": {"analyzer": "collect", "inputs": ["left", "right"]},
            "left": {"analyzer": "collect", "inputs": ["start"]},
            "right": {"analyzer": "collect", "inputs": ["start"]},
            "start": INDEX,
        }
        (result,) = executor(context, nodes, ["end"]).run(steady_frames(1))
        assert result.outputs == {"end": {"left": {"start": 0}, "right": {"start": 0}}}

    def test_outputs_are_those_asked_for_in_that_order(self, context: AnalyzerContext) -> None:
        nodes = {"a": INDEX, "b": INDEX, "c": {"analyzer": "collect", "inputs": ["a"]}}
        (result,) = executor(context, nodes, ["c", "b"]).run(steady_frames(1))
        assert list(result.outputs.items()) == [("c", {"a": 0}), ("b", 0)]

    def test_no_nodes_at_all(self, context: AnalyzerContext) -> None:
        assert outputs_of(list(executor(context, {}).run(steady_frames(3)))) == [{}, {}, {}]

    def test_a_picture_is_made_once_for_all_nodes(self, context: AnalyzerContext) -> None:
        pictures = []

        class Looking(Index):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
                pictures.extend(frame.bgr() for frame in frames)
                return super().analyze(frames, inputs)

        looking = {"analyzer": "looking"}
        frame = Frame.from_bgr(np.zeros((4, 4, 3), np.uint8))
        list(executor(context, {"a": looking, "b": looking}, looking=Looking).run([frame]))
        assert len(pictures) == 2
        assert pictures[0] is pictures[1]


class TestLife:
    def test_loaded_once_and_begun_for_every_video(self, context: AnalyzerContext) -> None:
        counting = executor(context, {"a": {"analyzer": "counter"}})
        for begins in (1, 2, 3):
            results = outputs_of(list(counting.run(steady_frames(6))))
            assert results == [{"a": {"nth": n, "loads": 1, "begins": begins}} for n in range(6)]

    def test_each_node_has_an_instance_of_its_own(self, context: AnalyzerContext) -> None:
        nodes = {"a": {"analyzer": "counter"}, "b": {"analyzer": "counter"}}
        (first, second) = outputs_of(list(executor(context, nodes).run(steady_frames(2))))
        assert first["a"] == first["b"] == {"nth": 0, "loads": 1, "begins": 1}
        assert second["a"] == second["b"] == {"nth": 1, "loads": 1, "begins": 1}

    def test_an_analyzer_knows_its_settings_and_its_place(self, context: AnalyzerContext) -> None:
        seen: list[Analyzer] = []

        class Remembering(Index):
            def load(self) -> None:
                seen.append(self)

        executor(context, {"a": {"analyzer": "remembering"}}, remembering=Remembering)
        assert seen[0].context is context
        assert seen[0].settings == Index.Settings()

    @pytest.mark.parametrize("workers", [1, 2, 4])
    def test_only_so_many_frames_are_held(self, context: AnalyzerContext, workers: int) -> None:
        class Weak(Frame):
            __slots__ = ("__weakref__",)

        alive: list[weakref.ref[Weak]] = []
        most = 0

        def source() -> Iterator[Frame]:
            nonlocal most
            for plain in steady_frames(50):
                frame = Weak(plain.index, plain.time, None)  # type: ignore[arg-type]
                alive.append(weakref.ref(frame))
                most = max(most, sum(reference() is not None for reference in alive))
                yield frame

        for _ in executor(context, {"a": INDEX, "b": INDEX}, workers=workers).run(source()):
            pass
        assert most <= frames_held(workers) + 1


class TestFailures:
    def fail(
        self, context: AnalyzerContext, analyzer: type[Analyzer], frames: Sequence[Frame], workers: int = 1
    ) -> AnalyzerFailed:
        nodes = {"fine": INDEX, "bad_node": {"analyzer": "bad"}}
        with pytest.raises(AnalyzerFailed) as caught:
            list(executor(context, nodes, workers=workers, bad=analyzer).run(frames))
        return caught.value

    @pytest.mark.parametrize("workers", [1, 3])
    def test_a_node_that_raises_is_named_and_so_is_the_first_such_frame(
        self, context: AnalyzerContext, workers: int
    ) -> None:
        def answers(frames: Sequence[Frame]) -> list[Any]:
            if frames[-1].index > 5:
                raise LookupError("no such thing")
            return [None] * len(frames)

        error = self.fail(context, answering(answers), steady_frames(50), workers)
        assert str(error) == "Node 'bad_node' (analyzer 'bad') failed on frame 6: LookupError: no such thing"
        assert isinstance(error.__cause__, LookupError)

    @pytest.mark.parametrize("answers", [[], [1, 1]])
    def test_a_wrong_number_of_answers(self, context: AnalyzerContext, answers: list[int]) -> None:
        error = self.fail(context, answering(lambda frames: answers), steady_frames(3))
        assert f"frame 0: ValueError: it gave {len(answers)} answers for 1 frame" in str(error)

    @pytest.mark.parametrize("answers", [None, 3, iter([1])])
    def test_no_list_of_answers(self, context: AnalyzerContext, answers: Any) -> None:
        assert "TypeError" in str(self.fail(context, answering(lambda frames: answers), steady_frames(1)))

    @pytest.mark.parametrize(
        ("method", "where"), [("__init__", "loading"), ("load", "loading"), ("begin", "the start of the video")]
    )
    def test_before_the_first_frame(self, context: AnalyzerContext, method: str, where: str) -> None:
        def breaking(self: object, *rest: object) -> None:
            raise OSError("no model")

        bad = type("Bad", (Index,), {method: breaking})
        error = self.fail(context, bad, steady_frames(1))
        assert str(error) == f"Node 'bad_node' (analyzer 'bad') failed on {where}: OSError: no model"

    def test_what_the_source_raises_is_not_blamed_on_a_node(self, context: AnalyzerContext) -> None:
        def source() -> Iterator[Frame]:
            yield from steady_frames(4)
            raise EOFError("of the source")

        running = executor(context, {"a": INDEX}).run(source())
        assert [next(running).frame_index for _ in range(4)] == [0, 1, 2, 3]
        with pytest.raises(EOFError, match="of the source"):
            next(running)

    def test_what_the_reader_raises_is_not_blamed_on_a_node(self, context: AnalyzerContext) -> None:
        running = executor(context, {"a": INDEX}).run(steady_frames(2))
        next(running)
        with pytest.raises(KeyError):
            running.throw(KeyError("of the reader"))  # type: ignore[attr-defined]

    def test_results_before_the_failing_frame_are_given(self, context: AnalyzerContext) -> None:
        def answers(frames: Sequence[Frame]) -> list[Any]:
            return [1 // (frame.index - 6) for frame in frames]

        running = executor(context, {"a": {"analyzer": "bad"}}, bad=answering(answers)).run(steady_frames(12))
        assert [next(running).frame_index for _ in range(6)] == [0, 1, 2, 3, 4, 5]
        with pytest.raises(AnalyzerFailed, match="frame 6"):
            next(running)
