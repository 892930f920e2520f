"""A node may fail on some frames, if the pipeline says on how many."""

import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reelwork.analyzers import Analyzer, AnalyzerContext, AnalyzerSettings, Frame, Inputs, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer
from reelwork.errors import AnalyzerFailed
from reelwork.pipeline.executor import FrameResult, PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.pipeline.segments import write_answers
from reelwork.pipeline.steps import Answers, Failed
from reelwork.video.frame import Moment
from tests.support.analyzers import registry
from tests.support.pipelines import define, steady_frames


class FailingSettings(AnalyzerSettings):
    frames: tuple[int, ...] = ()


class Failing(Analyzer):
    """Answers the index; raises on the frames that its settings name."""

    Settings = FailingSettings
    takes_inputs = True
    parallel = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [self.answer(frame.index) for frame in frames]

    def answer(self, index: int) -> Json:
        if index in self.settings.frames:
            raise ValueError(f"blinded at {index}")
        return index


class FailingInOrder(Failing):
    """The same, in order."""

    stateful = True


class NotObserving(SequenceAnalyzer):
    """Raises when it observes those frames; answers how many it was asked to conclude from."""

    Settings = FailingSettings
    takes_inputs = True

    def begin(self) -> None:
        self.concluded = 0

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return Failing.answer(self, frame.index)  # type: ignore[arg-type]

    def conclude(self, moment: Moment, observation: Any) -> Json:
        self.concluded += 1
        return [observation, self.concluded]


class NotConcluding(NotObserving):
    """Raises when it concludes."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return frame.index

    def conclude(self, moment: Moment, observation: Any) -> Json:
        return Failing.answer(self, moment.index)  # type: ignore[arg-type]


KINDS: dict[str, type[Analyzer]] = {
    "failing": Failing,
    "failing_in_order": FailingInOrder,
    "not_observing": NotObserving,
    "not_concluding": NotConcluding,
}


def executor(nodes: dict[str, Any], share: float, workers: int = 2) -> PipelineExecutor:
    graph = build_graph(define(nodes, max_failed_share=share), registry(**KINDS))
    return PipelineExecutor(graph, AnalyzerContext(Path("models"), cores=workers), workers)


def failing(*frames: int, kind: str = "failing", inputs: Sequence[str] = ()) -> dict[str, Any]:
    return {"analyzer": kind, "with": {"frames": frames}, "inputs": ["$frame", *inputs]}


def whole(nodes: dict[str, Any], share: float, frames: Sequence[Frame]) -> Iterator[FrameResult]:
    return executor(nodes, share).run(frames)


def in_segments(nodes: dict[str, Any], share: float, frames: Sequence[Frame]) -> Iterator[FrameResult]:
    """Observe three parts as other processes would, and conclude from what they wrote."""
    observed = []
    for part in (frames[:4], frames[4:5], frames[5:]):
        stream = io.BytesIO()
        count = write_answers(stream, executor(nodes, share).observe(part))
        stream.seek(0)
        observed += [pickle.load(stream) for _ in range(count)]
    return executor(nodes, share).conclude(observed)


WAYS = {"whole": whole, "in segments": in_segments}
STATELESS = ["failing", "not_observing", "not_concluding"]


def told(message: str) -> dict[str, str]:
    return {"error": message}


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_stands_under_the_node_and_other_nodes_answer(kind: str) -> None:
    nodes = {"bad": failing(3, 7, kind=kind), "good": {"analyzer": "index"}}
    results = list(whole(nodes, 1.0, steady_frames(10)))
    for number, result in enumerate(results):
        assert result.outputs["good"] == number
        is_error = result.outputs["bad"] == told(f"ValueError: blinded at {number}")
        assert is_error == (number in (3, 7))


def test_nodes_that_take_it_say_why_they_do_not_answer() -> None:
    nodes = {
        "bad": failing(1),
        "next": failing(inputs=["bad"]),
        "halves": failing(kind="not_observing", inputs=["bad"]),
        "last": {"analyzer": "collect", "inputs": ["next"]},
    }
    results = [dict(result.outputs) for result in whole(nodes, 0.5, steady_frames(2))]
    assert results == [
        {"bad": 0, "next": 0, "halves": [0, 1], "last": {"next": 0}},
        {
            "bad": told("ValueError: blinded at 1"),
            "next": told("not analysed, because 'bad' failed on this frame"),
            "halves": told("not analysed, because 'bad' failed on this frame"),
            "last": told("not analysed, because 'next' failed on this frame"),
        },
    ]


def test_what_could_not_be_observed_is_not_concluded_from() -> None:
    results = [result.outputs["a"] for result in whole({"a": failing(1, kind="not_observing")}, 1, steady_frames(3))]
    assert results == [[0, 1], told("ValueError: blinded at 1"), [2, 2]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", STATELESS)
class TestShares:
    def test_none_may_fail(self, way: str, kind: str) -> None:
        results = WAYS[way]({"bad": failing(6, 7, kind=kind)}, 0.0, steady_frames(20))
        assert [next(results).frame_index for _ in range(6)] == [0, 1, 2, 3, 4, 5]
        with pytest.raises(AnalyzerFailed) as caught:
            next(results)
        assert str(caught.value) == f"Node 'bad' (analyzer '{kind}') failed on frame 6: ValueError: blinded at 6"

    def test_as_many_as_may(self, way: str, kind: str) -> None:
        assert len(list(WAYS[way]({"bad": failing(6, 7, kind=kind)}, 0.1, steady_frames(20)))) == 20

    def test_one_more_than_may(self, way: str, kind: str) -> None:
        results = WAYS[way]({"bad": failing(6, 7, 19, kind=kind)}, 0.1, steady_frames(20))
        assert [next(results).frame_index for _ in range(20)] == list(range(20))
        with pytest.raises(AnalyzerFailed) as caught:
            next(results)
        assert str(caught.value) == f"Node 'bad' (analyzer '{kind}') failed on frame 6: ValueError: blinded at 6"

    def test_all_may_fail(self, way: str, kind: str) -> None:
        results = list(WAYS[way]({"bad": failing(*range(20), kind=kind)}, 1.0, steady_frames(20)))
        assert all(result.outputs["bad"] == told(f"ValueError: blinded at {n}") for n, result in enumerate(results))

    def test_each_node_is_counted_for_itself(self, way: str, kind: str) -> None:
        nodes = {"bad": failing(1, 2, kind=kind), "worse": failing(3, 4, kind="failing")}
        assert len(list(WAYS[way](nodes, 0.1, steady_frames(20)))) == 20

    def test_the_node_that_failed_too_often_is_named(self, way: str, kind: str) -> None:
        nodes = {"bad": failing(1, 2, kind=kind), "worse": failing(3, 4, 5, kind="failing")}
        with pytest.raises(AnalyzerFailed, match=r"Node 'worse' .* frame 3"):
            list(WAYS[way](nodes, 0.1, steady_frames(20)))

    def test_a_node_that_was_not_asked_has_not_failed(self, way: str, kind: str) -> None:
        nodes = {"bad": failing(1, 2, 3), "next": failing(4, kind=kind, inputs=["bad"])}
        frames = steady_frames(20)
        assert len(list(WAYS[way](nodes, 0.15, frames))) == 20
        with pytest.raises(AnalyzerFailed, match=r"Node 'bad' .* frame 1"):
            list(WAYS[way](nodes, 0.1, frames))


def test_the_cause_is_there_for_the_operator() -> None:
    with pytest.raises(AnalyzerFailed) as caught:
        list(whole({"bad": failing(0)}, 0.1, steady_frames(2)))
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_video_without_frames_has_none_that_failed() -> None:
    assert list(whole({"bad": failing(0)}, 0.0, [])) == []


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_share_is_the_decimal_that_was_written(more: int) -> None:
    """57 of 100 frames are not more than 0.57, although 0.57 * 100 is less than 57."""
    for hundredths in range(1, 100):
        results = executor({"bad": failing()}, hundredths / 100, workers=1).conclude(_observed(hundredths + more))
        if more > 0:
            with pytest.raises(AnalyzerFailed):
                list(results)
        else:
            assert len(list(results)) == 100


def _observed(failed: int) -> Iterator[tuple[Moment, Answers]]:
    for frame in steady_frames(100):
        yield frame.moment, {"bad": Failed("blinded", raised=True) if frame.index < failed else frame.index}
