"""Several frames at once: in order, within bounds, and without leaving a thread behind."""

import threading
import time
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from random import Random
from threading import Barrier, BrokenBarrierError, Event, Lock, Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer
from reelwork.errors import AnalyzerFailed
from reelwork.pipeline import engine
from reelwork.pipeline.engine import answers_held, frames_held
from reelwork.pipeline.executor import FrameResult, PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.video.frame import Moment
from tests.support.analyzers import DIGESTING, Index, registry
from tests.support.clips import plain
from tests.support.pipelines import define, steady_frames
from tests.support.waiting import wait_until

WORKERS = [1, 2, 4]
TIMEOUT_S = 20.0
A_MOMENT_S = 0.05
"""For what must not happen; every wait for what must happen ends with it."""


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Whatever a test does."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture(autouse=True)
def frames_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little is done with them: here calls wait for each other, and the decoding thread must go on."""
    monkeypatch.setattr(engine, "_WORTH_HANDING_OVER_S", 0.0)


def executor(
    nodes: dict[str, Any], workers: int = 2, reuse: bool = True, share: float = 0.0, **more: type[Analyzer]
) -> PipelineExecutor:
    graph = build_graph(define(nodes, max_failed_share=share), registry(**DIGESTING, **more))
    return PipelineExecutor(graph, AnalyzerContext(Path("models"), cores=workers), workers, reuse=reuse)


def one_node(kind: type[Analyzer], workers: int = 2) -> PipelineExecutor:
    return executor({"a": {"analyzer": "kind"}}, workers, kind=kind)


def indices(results: Iterator[FrameResult]) -> list[int]:
    return [result.frame_index for result in results]


def take_all(results: Iterator[FrameResult], into: list[int]) -> None:
    """Take what there is, until it ends or raises."""
    for result in results:
        into.append(result.frame_index)  # noqa: PERF401


class Concurrent(Index):
    """Answers the index, for several frames at once."""

    parallel = True


class Delayed(Concurrent):
    """Takes a different short time over each frame."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        time.sleep(Random(frames[0].index).random() / 1000)
        return super().analyze(frames, inputs)


class Recording(Index):
    """Answers the index, in order; remembers which frames came, and whether any two came at once."""

    stateful = True
    takes_inputs = True

    def load(self) -> None:
        self.came: list[int] = []
        self.overlaps = 0
        self._alone = Lock()

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        if not self._alone.acquire(blocking=False):
            self.overlaps += 1
            return [None]
        try:
            self.came += [frame.index for frame in frames]
            time.sleep(0.0002)
            return [[frame.index, *inputs] for frame in frames]
        finally:
            self._alone.release()


class RecordingStateless(Recording):
    stateful = False


def analyzer(running: PipelineExecutor, name: str) -> Any:
    return next(analyzer for node, analyzer in running.nodes if node.name == name)


class TestOrder:
    @pytest.mark.parametrize("workers", WORKERS)
    def test_answers_come_in_order_however_long_each_takes(self, workers: int) -> None:
        assert indices(one_node(Delayed, workers).run(steady_frames(60))) == list(range(60))

    def test_a_frame_that_is_done_early_waits_for_those_before(self) -> None:
        second_is_done = Event()

        class Late(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                if frames[0].index == 0:
                    assert second_is_done.wait(TIMEOUT_S)
                elif frames[0].index == 2:
                    second_is_done.set()  # whoever took frame 1 is done with it
                return super().analyze(frames, inputs)

        assert indices(one_node(Late).run(steady_frames(5))) == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("workers", WORKERS)
    def test_stateful_nodes_see_every_frame_once_in_order(self, workers: int) -> None:
        nodes = {
            "first": {"analyzer": "recording"},
            "delayed": {"analyzer": "delayed"},
            "second": {"analyzer": "recording", "inputs": ["first"]},
            "between": {"analyzer": "collect", "inputs": ["second", "delayed"]},
            "third": {"analyzer": "recording", "inputs": ["between"]},
        }
        running = executor(nodes, workers, delayed=Delayed, recording=Recording)
        results = list(running.run(steady_frames(60)))
        for name in ("first", "second", "third"):
            assert analyzer(running, name).came == list(range(60))
            assert analyzer(running, name).overlaps == 0
        assert [result.outputs["between"]["delayed"] for result in results] == list(range(60))

    def test_stateful_nodes_see_them_in_order_although_they_are_ready_in_another(self) -> None:
        last_is_through = Event()

        class Backwards(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                if frames[0].index == 0:
                    assert last_is_through.wait(TIMEOUT_S)
                elif frames[0].index == 4:
                    last_is_through.set()
                return super().analyze(frames, inputs)

        nodes = {"a": {"analyzer": "backwards"}, "b": {"analyzer": "recording", "inputs": ["a"]}}
        running = executor(nodes, backwards=Backwards, recording=Recording)
        list(running.run(steady_frames(6)))
        assert analyzer(running, "b").came == [0, 1, 2, 3, 4, 5]

    @pytest.mark.parametrize("workers", WORKERS)
    def test_observations_are_concluded_from_in_order(self, workers: int) -> None:
        class Concluding(SequenceAnalyzer):
            def begin(self) -> None:
                self.concluded: list[int] = []

            def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
                time.sleep(Random(frame.index).random() / 1000)
                return frame.index

            def conclude(self, moment: Moment, observation: Any) -> Json:
                assert moment.index == observation
                self.concluded.append(observation)
                return len(self.concluded)

        running = one_node(Concluding, workers)
        assert [result.outputs["a"] for result in running.run(steady_frames(40))] == list(range(1, 41))
        assert analyzer(running, "a").concluded == list(range(40))


class TestAtOnce:
    """A barrier that is not broken shows that so many calls were in progress together."""

    @pytest.mark.parametrize("workers", WORKERS)
    def test_parallel_ones_are_asked_about_as_many_frames_as_there_are_workers(self, workers: int) -> None:
        barrier = Barrier(workers)

        class Meeting(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                barrier.wait(TIMEOUT_S)
                return super().analyze(frames, inputs)

        assert len(indices(one_node(Meeting, workers).run(steady_frames(3 * workers)))) == 3 * workers

    def test_observing_is_done_for_several_frames_at_once(self) -> None:
        barrier = Barrier(3)

        class Observing(SequenceAnalyzer):
            def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
                return barrier.wait(TIMEOUT_S) >= 0

            def conclude(self, moment: Moment, observation: Any) -> Json:
                return observation

        assert len(indices(one_node(Observing, 3).run(steady_frames(9)))) == 9

    def test_no_more_than_there_are_workers(self) -> None:
        barrier = Barrier(3)

        class Meeting(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                barrier.wait(A_MOMENT_S)
                return super().analyze(frames, inputs)

        with pytest.raises(AnalyzerFailed, match=BrokenBarrierError.__name__):
            indices(one_node(Meeting, 2).run(steady_frames(9)))

    @pytest.mark.parametrize("workers", WORKERS)
    def test_those_that_are_not_parallel_are_asked_about_one_frame_at_a_time(self, workers: int) -> None:
        nodes = {"a": {"analyzer": "recording"}, "b": {"analyzer": "recording"}}
        running = executor(nodes, workers, recording=RecordingStateless)
        list(running.run(steady_frames(60)))
        for name in ("a", "b"):
            assert sorted(analyzer(running, name).came) == list(range(60))
            assert analyzer(running, name).overlaps == 0

    def test_a_stateful_node_does_not_keep_other_frames_from_the_others(self) -> None:
        next_one_came = Event()

        class Parallel(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                if frames[0].index == 1:
                    next_one_came.set()
                return super().analyze(frames, inputs)

        class Waiting(Recording):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                assert next_one_came.wait(TIMEOUT_S)
                return super().analyze(frames, inputs)

        nodes = {"a": {"analyzer": "parallel_one"}, "b": {"analyzer": "waiting"}}
        assert indices(executor(nodes, parallel_one=Parallel, waiting=Waiting).run(steady_frames(2))) == [0, 1]


class Clock(threading.local):
    """Moved by hand, in each thread apart: a busy machine stretches nothing."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class TestByTheDecodingThread:
    """What takes less time than handing it over is done where the frame is."""

    def worked(self, takes_s: Mapping[int, float]) -> list[str]:
        """Return, for 60 frames that take no time but for some, the kinds of threads that looked at them."""
        threads: dict[int, str] = {}
        clock = Clock()

        class Where(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                clock.now_s += takes_s.get(frames[0].index, 0)
                threads[frames[0].index] = threading.current_thread().name.split("-")[0]
                return super().analyze(frames, inputs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "_WORTH_HANDING_OVER_S", 0.005)
            patch.setattr(engine, "perf_counter", clock)
            assert indices(one_node(Where).run(steady_frames(60))) == list(range(60))
        return [threads[number] for number in range(60)]

    def test_short_ones_are_done_there_once_they_are_known_to_be(self) -> None:
        worked = self.worked({})
        assert worked[0] == "analyze"
        assert set(worked[10:]) == {"decode"}

    def test_long_ones_are_not(self) -> None:
        assert set(self.worked(dict.fromkeys(range(60), 0.006))) == {"analyze"}

    def test_a_long_one_among_short_ones_hands_over_those_behind_it(self) -> None:
        worked = self.worked({40: 1.0})
        assert worked[40] == "decode"
        assert set(worked[41:]) == {"analyze"}


class Source:
    """Gives frames; knows how many were asked for, which are alive, and whether it was closed."""

    def __init__(self, count: int, error: BaseException | None = None) -> None:
        self.count = count
        self.error = error
        self.given = 0
        self.closed = False
        self._alive: list[weakref.ref[Frame]] = []

    @property
    def alive(self) -> int:
        return sum(reference() is not None for reference in self._alive)

    def __call__(self) -> Generator[Frame, None, None]:
        class Weak(Frame):
            __slots__ = ("__weakref__",)

        try:
            for number in range(self.count):
                self.given += 1
                frame = Weak(number, Fraction(number, 25), None)  # type: ignore[arg-type]
                self._alive.append(weakref.ref(frame))
                yield frame
                del frame
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


class TestBackPressure:
    @pytest.mark.parametrize("workers", WORKERS)
    def test_no_more_is_decoded_while_nobody_takes_the_answers(self, workers: int) -> None:
        source = Source(100)
        most = answers_held(workers) + 1
        with closing(one_node(Concurrent, workers).run(source())) as running:  # type: ignore[type-var]
            for taken in (1, 2, 3):
                next(running)
                wait_until(lambda taken=taken: source.given == taken + most)  # type: ignore[misc]
                time.sleep(A_MOMENT_S)
                assert source.given == taken + most

    def test_pictures_are_let_go_once_they_are_analysed(self) -> None:
        source = Source(100)
        with closing(one_node(Concurrent, 2).run(source())) as running:  # type: ignore[type-var]
            next(running)
            # One waits to be let in; each worker may still name the one it had last.
            wait_until(lambda: source.given == 1 + answers_held(2) + 1 and source.alive <= 3)

    @pytest.mark.parametrize("stateful", [True, False])
    def test_no_more_is_decoded_while_a_node_takes_its_time(self, stateful: bool) -> None:
        source, go_on = Source(100), Event()

        class Slow(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                assert go_on.wait(TIMEOUT_S)
                return super().analyze(frames, inputs)

        Slow.stateful, Slow.parallel = stateful, not stateful
        nodes = {"quick": {"analyzer": "quick"}, "slow": {"analyzer": "slow"}}
        running = executor(nodes, 3, quick=Concurrent, slow=Slow).run(source())
        found: list[int] = []
        reader = Thread(target=lambda: found.extend(indices(running)))
        reader.start()
        try:
            wait_until(lambda: source.given == frames_held(3) + 1)
            time.sleep(A_MOMENT_S)
            assert source.given == source.alive == frames_held(3) + 1
        finally:
            go_on.set()
            reader.join()
        assert found == list(range(100))


def test_an_answer_is_not_kept_back_until_there_are_more() -> None:
    taken = Event()

    def frames() -> Iterator[Frame]:
        for frame in steady_frames(2):
            yield frame
            assert taken.wait(TIMEOUT_S)

    with closing(one_node(Concurrent).run(frames())) as running:  # type: ignore[type-var]
        assert next(running).frame_index == 0
        taken.set()
        assert indices(running) == [1]


class Ending(BaseException):
    """What no analyzer may catch."""


class TestFailures:
    @pytest.mark.parametrize("workers", WORKERS)
    @pytest.mark.parametrize("error", [EOFError, Ending])
    @pytest.mark.parametrize("count", [0, 1, 40])
    def test_of_the_source_come_behind_all_answers(self, workers: int, error: type[BaseException], count: int) -> None:
        source = Source(count, error("of the source"))
        found: list[int] = []
        with pytest.raises(error, match="of the source"):
            take_all(one_node(Delayed, workers).run(source()), found)
        assert found == list(range(count))

    def test_the_first_frame_in_order_is_named_although_a_later_one_failed_before(self) -> None:
        later_failed = Event()

        class Failing(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                if frames[0].index == 2:
                    assert later_failed.wait(TIMEOUT_S)
                    raise LookupError("earlier")
                if frames[0].index == 3:
                    later_failed.set()
                    raise LookupError("later")
                return super().analyze(frames, inputs)

        with pytest.raises(AnalyzerFailed, match="frame 2: LookupError: earlier"):
            indices(one_node(Failing).run(steady_frames(20)))

    @pytest.mark.parametrize("workers", WORKERS)
    def test_what_ends_a_worker_ends_the_run(self, workers: int) -> None:
        class Fatal(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                if frames[0].index == 10:
                    raise Ending("of a worker")
                return super().analyze(frames, inputs)

        source = Source(1000)
        with pytest.raises(Ending, match="of a worker"):
            indices(one_node(Fatal, workers).run(source()))
        assert source.closed
        assert source.given <= 10 + answers_held(workers) + 2

    def test_of_a_worker_count_although_the_source_fails_later(self) -> None:
        class Fatal(Concurrent):
            def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
                raise Ending("of a worker")

        def source() -> Iterator[Frame]:
            yield from steady_frames(1)
            wait_until(lambda: not [one for one in threading.enumerate() if one.name.startswith("analyze")])
            raise EOFError

        with pytest.raises(Ending, match="of a worker"):
            indices(one_node(Fatal).run(source()))

    def test_an_engine_that_failed_can_be_used_again(self) -> None:
        running = one_node(Delayed)
        with pytest.raises(EOFError):
            indices(running.run(Source(5, EOFError())()))
        assert indices(running.run(steady_frames(5))) == [0, 1, 2, 3, 4]


class TestClosing:
    """No thread is left: see the fixture."""

    @pytest.mark.parametrize("workers", WORKERS)
    @pytest.mark.parametrize("taken", [1, 7])
    def test_early(self, workers: int, taken: int) -> None:
        source = Source(1000)
        with closing(one_node(Delayed, workers).run(source())) as running:  # type: ignore[type-var]
            assert [next(running).frame_index for _ in range(taken)] == list(range(taken))
        assert source.closed
        assert source.given <= taken + answers_held(workers) + 2

    def test_while_workers_wait_for_frames_and_their_turns(self) -> None:
        second_is_asked_for, go_on = Event(), Event()

        def source() -> Iterator[Frame]:
            yield from steady_frames(1)
            second_is_asked_for.set()
            assert go_on.wait(TIMEOUT_S)

        nodes = {"a": {"analyzer": "delayed"}, "b": {"analyzer": "recording"}}
        running = executor(nodes, 4, delayed=Delayed, recording=Recording).run(source())
        next(running)
        assert second_is_asked_for.wait(TIMEOUT_S)
        closer = Thread(target=running.close)  # type: ignore[attr-defined]
        closer.start()
        wait_until(lambda: not [one for one in threading.enumerate() if one.name.startswith("analyze")])
        assert closer.is_alive()  # nobody can stop a decoder that is at work, but it is waited for
        go_on.set()
        closer.join()

    def test_by_a_reader_that_raises(self) -> None:
        source = Source(1000)

        def read() -> None:
            for result in one_node(Delayed).run(source()):
                raise KeyError(result.frame_index)

        with pytest.raises(KeyError):
            read()
        assert source.closed

    def test_before_anything_was_asked(self) -> None:
        source = Source(10)
        one_node(Delayed).run(source()).close()  # type: ignore[attr-defined]
        assert source.given == 0

    def test_at_the_end_the_source_has_ended(self) -> None:
        source = Source(10)
        assert len(indices(one_node(Delayed).run(source()))) == 10
        assert source.closed

    def test_without_nodes_there_is_no_thread_to_close(self) -> None:
        source = Source(10)
        with closing(executor({}).run(source())) as running:  # type: ignore[type-var]
            next(running)
            assert source.given == 1
        assert source.closed


KINDS = ("look", "look_alone", "place", "past", "chain", "slow")


class Slow(Delayed):
    """Answers inputs and the index, after a while."""

    takes_inputs = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        super().analyze(frames, inputs)
        return [[frames[0].index, {name: given[0] for name, given in inputs.items()}]]


@st.composite
def pipelines(draw: st.DrawFn) -> dict[str, Any]:
    nodes: dict[str, Any] = {}
    for name in "abcdef"[: draw(st.integers(1, 6))]:
        inputs = draw(st.lists(st.sampled_from(sorted(nodes)), unique=True, max_size=2)) if nodes else []
        nodes[name] = {"analyzer": draw(st.sampled_from(KINDS)), "inputs": ["$frame", *inputs]}
    return nodes


class TestAnswers:
    @given(
        pipelines(),
        st.lists(st.integers(0, 3), max_size=24),
        st.integers(2, 5),
        st.booleans(),
        st.sampled_from([0.0, 0.001, 10.0]),
    )
    @settings(max_examples=60, deadline=None)
    def test_do_not_depend_on_workers_and_reuse(
        self, nodes: dict[str, Any], greys: list[int], workers: int, stride: bool, worth_handing_over_s: float
    ) -> None:
        def answers(workers: int, reuse: bool) -> list[FrameResult]:
            frames = [Frame.from_bgr(plain(60 * grey, 8, 8), (1 + stride) * n) for n, grey in enumerate(greys)]
            return list(executor(nodes, workers, reuse, slow=Slow).run(frames))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine, "_WORTH_REUSING_S", 0.0)
            patch.setattr(engine, "_WORTH_HANDING_OVER_S", worth_handing_over_s)
            expected = answers(1, reuse=False)
            assert answers(workers, reuse=True) == expected
            assert answers(workers, reuse=False) == expected
            assert answers(1, reuse=True) == expected

    def test_of_the_two_halves_are_those_of_the_whole(self) -> None:
        nodes = {"whole": {"analyzer": "past"}, "halves": {"analyzer": "chain"}}
        frames = [Frame.from_bgr(plain(grey), n) for n, grey in enumerate([10, 20, 10, 30])]
        results = list(executor(nodes, 3).run(frames))
        assert len({str(result.outputs["whole"]) for result in results}) == 4
        assert all(result.outputs["whole"] == result.outputs["halves"] for result in results)
