"""Parts of one video in several processes: the same bytes as in one, whatever happens to the processes."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import parent_process
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from reelwork.analyzers import Analyzer, AnalyzerContext, AnalyzerSettings, Frame, Inputs, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer
from reelwork.analyzers.builtin.quality import Quality
from reelwork.analyzers.builtin.scenes import Scenes
from reelwork.bootstrap.pipelines import make_pipeline_service
from reelwork.child_process import ChildProcess
from reelwork.errors import AnalyzerFailed
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.segment_processes import SegmentProcess, SegmentProcesses, answering
from reelwork.pipeline.segments import SegmentExecutor, SegmentFailed, SegmentRequest
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.settings import Settings
from reelwork.video.frame import Moment
from reelwork.video.source import DecodeLimits
from tests.support.analyzers import DIGESTING, registry
from tests.support.encodes import OPEN_GOP, encoded, x264
from tests.support.pipelines import define
from tests.support.service import is_alive
from tests.support.waiting import wait_until

JOB = UUID(int=1)


class ProcessId(Analyzer):
    """Answers in which process it looked at the frame."""

    parallel = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [os.getpid() for _ in frames]


class ProcessIdInOrder(ProcessId):
    stateful = True


class ProcessIds(SequenceAnalyzer):
    """Answers in which process it observed, and in which it concluded."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return os.getpid()

    def conclude(self, moment: Moment, observation: Any) -> Json:
        return [observation, os.getpid()]


class DoomedSettings(AnalyzerSettings):
    frame: int
    mark: Path


class Doomed(Analyzer):
    """Ends its process at a frame, if that is one of the segments' and the first to come there."""

    Settings = DoomedSettings

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        if frames[0].index == self.settings.frame and parent_process() is not None and not self.settings.mark.exists():
            self.settings.mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return [frame.index for frame in frames]


class Endless(Doomed):
    """Marks that it is there and does not come back, in a process of the segments."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        if frames[0].index == self.settings.frame and parent_process() is not None:
            self.settings.mark.write_text(str(os.getpid()))
            time.sleep(600)
        return [frame.index for frame in frames]


class Unsendable(SequenceAnalyzer):
    """Observes what cannot be sent to another process."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return lambda: frame.index

    def conclude(self, moment: Moment, observation: Any) -> Json:
        return observation()


class BlindSettings(AnalyzerSettings):
    frames: tuple[int, ...]


class Blind(Analyzer):
    """Raises on some frames."""

    Settings = BlindSettings

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        if frames[0].index in self.settings.frames:
            raise ValueError("blinded")
        return [frame.index for frame in frames]


ANALYZERS: Mapping[str, type[Analyzer]] = {
    **DIGESTING,
    "quality": Quality,
    "scenes": Scenes,
    "pid": ProcessId,
    "pid_in_order": ProcessIdInOrder,
    "pids": ProcessIds,
    "doomed": Doomed,
    "endless": Endless,
    "unsendable": Unsendable,
    "blind": Blind,
}


def make_service(directory: Path, segments: SegmentExecutor | None) -> VideoFilePipelineService:
    known = registry(**ANALYZERS)
    context = AnalyzerContext(directory, cores=2)
    catalog = PipelineCatalog.load(directory, known, context)
    return VideoFilePipelineService(catalog, known, context, DecodeLimits(threads=1), segments)


def work_on_segments(directory: Path) -> Callable[[SegmentRequest], str | None]:
    """What runs in a process of the segments."""
    return answering(make_service(directory, None).run_segment)


class Processes(SegmentProcesses):
    """Remembers how many segments there were, run by run, and how many came out."""

    def __init__(self, directory: Path) -> None:
        super().__init__(2, lambda: SegmentProcess("segment", work_on_segments, directory))
        self.planned: list[int] = []
        self.done: list[int] = []

    def run(self, requests: Sequence[SegmentRequest]) -> Any:
        self.planned.append(len(requests))
        self.done.append(0)
        for request in super().run(requests):
            self.done[-1] += 1
            yield request

    @property
    def pids(self) -> set[int]:
        return {process.pid for process in self._processes if process.pid is not None}

    def kill(self) -> None:
        for process in self._processes:
            process.kill()


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    processes = Processes(tmp_path_factory.mktemp("models"))
    yield processes
    processes.kill()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 numbered frames; a key frame at every 16th, with leading frames."""
    return encoded(tmp_path_factory.mktemp("clips") / "clip.mp4", range(160), **x264(**OPEN_GOP))


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.pipeline.service.LEAST_FRAMES", 2)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """The directory for temporary files, in which none may be left."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    yield scratch
    assert list(scratch.iterdir()) == []


class Runs:
    """One video and pipeline after the other, with segments and without."""

    def __init__(self, processes: Processes, scratch: Path, directory: Path) -> None:
        self.processes = processes
        self.scratch = scratch
        self.split = make_service(directory, processes)
        self.whole = make_service(directory, None)
        processes.planned.clear()
        processes.done.clear()

    def document(self, service: VideoFilePipelineService, path: Path, nodes: Any, sampling: Any, **more: Any) -> bytes:
        document = io.BytesIO()

        def write(answers: Iterator[FrameResult]) -> None:
            document.seek(0)
            document.truncate()
            write_results(document, JOB, answers)

        definition = define(nodes, **more)
        service.analyse(path, definition, Sampling.model_validate(sampling), write, self.scratch)
        return document.getvalue()

    def same_bytes(self, path: Path, nodes: Any, sampling: Any = None, **more: Any) -> list[dict[str, Any]]:
        """Check that both ways give the same, and return the results."""
        with_segments = self.document(self.split, path, nodes, sampling or {}, **more)
        assert with_segments == self.document(self.whole, path, nodes, sampling or {}, **more)
        return [entry["result"] for entry in json.loads(with_segments)["results"]]

    def answers(self, path: Path, nodes: Any) -> list[Any]:
        """Return what the first node answered, with segments."""
        results = self.split.analyse(path, define(nodes), Sampling(), list, self.scratch).outcome
        return [next(iter(result.outputs.values())) for result in results]


@pytest.fixture
def runs(processes: Processes, scratch: Path, tmp_path: Path) -> Runs:
    return Runs(processes, scratch, tmp_path)


def node(analyzer: str, *inputs: str, **settings: Any) -> dict[str, Any]:
    return {"analyzer": analyzer, "inputs": ["$frame", *inputs], "with": settings}


STATELESS = {"look": node("look"), "place": node("place", "look")}
SEQUENCES = {"quality": node("quality"), "scenes": node("scenes")}
MIXED = {**STATELESS, **SEQUENCES, "chain": node("chain", "look", "place")}
PIPELINES = {"stateless": STATELESS, "sequences": SEQUENCES, "mixed": MIXED}
SAMPLINGS = {
    "every frame": {},
    "stride 7": {"frame_stride": 7},
    "ticks": {"every_s": 0.3},
    "key frames": {"keyframes": True},
    "parts": {"frame_stride": 3, "ranges": [{"start_s": 0.5, "end_s": 2.1}, {"start_frame": 100, "end_frame": 141}]},
    "the first 90": {"max_frames": 90},
}


class TestSameBytes:
    @pytest.mark.parametrize("sampling", SAMPLINGS)
    @pytest.mark.parametrize("pipeline", PIPELINES)
    def test_at_every_sampling(self, runs: Runs, clip: Path, pipeline: str, sampling: str) -> None:
        results = runs.same_bytes(clip, PIPELINES[pipeline], SAMPLINGS[sampling])
        assert len(results) >= 10
        (planned,) = runs.processes.planned
        assert runs.processes.done == [planned]
        assert planned >= 2

    @pytest.mark.parametrize("name", ["midroll-5s.mp4", "car-detection.mp4", "hevc-bframes.mp4", "person-small.mp4"])
    def test_of_real_clips(self, runs: Runs, media_dir: Path, name: str) -> None:
        results = runs.same_bytes(media_dir / name, MIXED, {"frame_stride": 5, "max_frames": 40})
        assert results
        assert runs.processes.done == runs.processes.planned  # one key frame is not enough to cut at

    def test_of_frames_that_failed(self, runs: Runs, clip: Path) -> None:
        nodes = {"a": node("blind", frames=[3, 70, 159]), "b": node("collect", "a"), "c": node("chain", "b")}
        results = runs.same_bytes(clip, nodes, max_failed_share=0.1)
        assert results[70]["a"] == {"error": "ValueError: blinded"}
        assert results[70]["c"] == {"error": "not analysed, because 'b' failed on this frame"}
        assert runs.processes.done[0] >= 2

    def test_of_a_failure(self, runs: Runs, clip: Path) -> None:
        for service in (runs.split, runs.whole):
            with pytest.raises(AnalyzerFailed, match="failed on frame 70: ValueError: blinded"):
                runs.document(service, clip, {"a": node("blind", frames=[70, 71, 159])}, {})
        assert runs.processes.planned  # it was not given up for the video as a whole
        assert runs.processes.planned[1:] == []


class TestWhereTheWorkIsDone:
    def test_looking_is_done_in_the_processes(self, runs: Runs, clip: Path) -> None:
        assert set(runs.answers(clip, {"a": node("pid")})) == runs.processes.pids
        assert os.getpid() not in runs.processes.pids

    def test_concluding_is_done_here(self, runs: Runs, clip: Path) -> None:
        answers = runs.answers(clip, {"a": node("pids")})
        assert {observed for observed, _ in answers} == runs.processes.pids
        assert {concluded for _, concluded in answers} == {os.getpid()}

    @pytest.mark.parametrize("hindrance", [node("pid_in_order"), node("collect", "sequence")])
    def test_all_of_it_is_done_here_if_it_cannot_be_split(self, runs: Runs, clip: Path, hindrance: Any) -> None:
        nodes = {"a": node("pid"), "sequence": node("pids"), "hindrance": hindrance}
        assert set(runs.answers(clip, nodes)) == {os.getpid()}
        assert runs.processes.planned == []

    def test_and_if_it_is_short(self, runs: Runs, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reelwork.pipeline.service.LEAST_FRAMES", 81)
        assert set(runs.answers(clip, {"a": node("pid")})) == {os.getpid()}

    def test_and_if_it_has_one_key_frame(self, runs: Runs, tmp_path: Path) -> None:
        path = encoded(tmp_path / "long.mp4", range(40), **x264(keyint=1000, scenecut=0))
        assert set(runs.answers(path, {"a": node("pid")})) == {os.getpid()}


class TestLostProcesses:
    def test_one_that_is_killed_at_work_costs_time_alone(self, runs: Runs, clip: Path, tmp_path: Path) -> None:
        nodes = {**MIXED, "doomed": node("doomed", frame=70, mark=str(tmp_path / "mark"))}
        runs.same_bytes(clip, nodes)
        killed = int((tmp_path / "mark").read_text())
        assert runs.processes.planned[0] > runs.processes.done[0]
        assert not is_alive(killed)

        again = runs.answers(clip, {"a": node("pid")})
        assert len(set(again)) == 2
        assert not {killed, os.getpid()} & set(again)

    def test_one_that_is_killed_while_idle_is_replaced(self, runs: Runs, clip: Path) -> None:
        before = set(runs.answers(clip, {"a": node("pid")}))
        lost = min(before)
        (process,) = [process for process in runs.processes._processes if process.pid == lost]
        os.kill(lost, signal.SIGKILL)
        wait_until(lambda: not process._process.is_alive())  # all its threads, not the first alone
        after = set(runs.answers(clip, {"a": node("pid")}))
        assert before & after == before - {lost}
        assert len(after) == 2

    def test_what_cannot_be_sent_is_worked_on_here(self, runs: Runs, clip: Path) -> None:
        results = runs.same_bytes(clip, {"a": node("unsendable")})
        assert [result["a"] for result in results] == list(range(160))
        assert runs.processes.done == [0]

    def test_when_nobody_wants_the_rest_those_at_work_are_ended(self, runs: Runs, clip: Path, tmp_path: Path) -> None:
        mark = tmp_path / "mark"

        def write(answers: Iterator[FrameResult]) -> None:
            next(answers)
            wait_until(lambda: mark.exists() and mark.read_text())
            raise KeyError("of the writer")

        definition = define({"a": node("endless", frame=100, mark=str(mark))})
        with pytest.raises(KeyError, match="of the writer"):
            runs.split.analyse(clip, definition, Sampling(), write, runs.scratch)
        assert not is_alive(int(mark.read_text()))


class TestSegmentProcesses:
    """Without videos: requests that are paths to be written."""

    def requests(self, tmp_path: Path, *what: str) -> list[SegmentRequest]:
        return [SegmentRequest(Path(each), {}, {}, None, tmp_path) for each in what]  # type: ignore[arg-type]

    @pytest.fixture
    def scripted(self) -> Iterator[SegmentProcesses]:
        processes = SegmentProcesses(2, lambda: ChildProcess("scripted", scripted))
        yield processes
        for process in processes._processes:
            process.kill()

    def test_requests_come_back_in_order(self, scripted: SegmentProcesses, tmp_path: Path) -> None:
        requests = self.requests(tmp_path, *"abcdefg")
        assert list(scripted.run(requests)) == requests
        assert list(scripted.run(requests[:1])) == requests[:1]
        assert list(scripted.run([])) == []

    def test_a_slow_one_keeps_the_other_process_from_nothing(self, scripted: SegmentProcesses, tmp_path: Path) -> None:
        done = tmp_path / "done"
        requests = self.requests(tmp_path, f"wait for {done}", "a", "b", f"make {done}")
        assert list(scripted.run(requests)) == requests

    @pytest.mark.parametrize(
        ("what", "message"),
        [("refuse", "not this one"), ("die", r"the process of a segment was killed by signal 9 \(SIGKILL\)")],
    )
    def test_one_that_fails_ends_the_others(
        self, scripted: SegmentProcesses, tmp_path: Path, what: str, message: str
    ) -> None:
        requests = self.requests(tmp_path, f"mark {tmp_path / 'mark'} and hang", what)
        with pytest.raises(SegmentFailed, match=message):
            list(scripted.run(requests))
        assert scripted._processes[0].pid is None


def scripted() -> Callable[[SegmentRequest], str | None]:
    """A process that does what the path of the video says."""

    def answer(request: SegmentRequest) -> str | None:
        match str(request.video_path).split():
            case ["wait", "for", path]:
                wait_until(Path(path).exists)
            case ["make", path]:
                Path(path).touch()
            case ["mark", path, *_]:
                Path(path).touch()
                time.sleep(600)
            case ["refuse"]:
                return "not this one"
            case ["die"]:
                os.kill(os.getpid(), signal.SIGKILL)
        return None

    return answer


PARENT = """
import sys
from pathlib import Path
from reelwork.pipeline import service
from reelwork.pipeline.sampling import Sampling
from tests.support.pipelines import define
from tests.unit.pipeline.test_segment_processes import Processes, make_service, node

if __name__ == "__main__":
    clip, directory = map(Path, sys.argv[1:])
    service.LEAST_FRAMES = 2
    nodes = {"a": node("endless", frame=5, mark=str(directory / "mark"))}
    make_service(directory, Processes(directory)).analyse(clip, define(nodes), Sampling(), list, directory)
"""


def test_they_end_with_the_process_that_started_them(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(clip), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        mark = tmp_path / "mark"
        wait_until(lambda: mark.exists() and mark.read_text(), timeout_s=60)
        child = int(mark.read_text())
        assert is_alive(child)
        parent.kill()
        wait_until(lambda: not is_alive(child))


def test_the_settings_say_in_how_many_processes(
    clip: Path, tmp_path: Path, media_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As the worker has it made; with the analyzers that are installed."""
    documents = []
    for count in (1, 2):
        settings = Settings(data_dir=tmp_path, segment_processes=count, threads=2)
        service = make_pipeline_service(settings)
        try:
            assert (service._segments is not None) == (count > 1)
            results = service.analyse(clip, define(SEQUENCES), Sampling(), list, tmp_path)
            documents.append(results)
        finally:
            started = service._segments._processes if count > 1 else []  # type: ignore[union-attr]
            pids = [process.pid for process in started]
            for process in started:
                process.kill()
    assert documents[0] == documents[1]
    assert len(documents[0].outcome) == 160
    assert all(pids)
    assert len(pids) == 2
    assert "decoding.unsure" not in caplog.text
