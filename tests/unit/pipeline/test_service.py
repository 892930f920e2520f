"""An MP4 and a pipeline in, an answer for every analysed frame out."""

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from reelwork.analyzers import Frame, Inputs, Json
from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.errors import AnalyzerFailed, PipelineUnavailable, UnknownPipeline, VideoUnreadable
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits
from tests.support.analyzers import Index, answering, registry
from tests.support.pipelines import define

OWN = """
name: mine
sampling: {every_s: 0.5}
nodes:
  light: {analyzer: brightness}
  both: {analyzer: collect, inputs: [light, index]}
  index: {analyzer: index}
outputs: [both]
"""
COUNTING = "name: counting\nnodes: {a: {analyzer: counter}}\noutputs: [a]\n"

CLIPS = {
    "midroll-5s.mp4": (125, Fraction(0), Fraction(1, 25)),
    "burned-in-time-15fps.mp4": (15, Fraction(0), Fraction(1, 15)),
    "fragmented.mp4": (30, Fraction(1001, 15000), Fraction(1001, 30000)),
    "hevc-bframes.mp4": (30, Fraction(0), Fraction(1, 30)),
    "person-small.mp4": (30, Fraction(0), Fraction(1001, 30000)),
}


@pytest.fixture
def service(own_dir: Path, context: AnalyzerContext, write_yaml: Callable[..., Path]) -> VideoFilePipelineService:
    """The service with the shipped pipelines and two of our own."""
    write_yaml(OWN)
    write_yaml(COUNTING, "counting")
    write_yaml(COUNTING.replace("counting", "lacking").replace("counter", "unavailable"), "lacking")
    write_yaml(COUNTING.replace("counting", "failing").replace("counter", "failing"), "failing")
    known = registry(failing=answering(lambda frames: 1 / 0))
    catalog = PipelineCatalog.load(own_dir, known, context)
    return VideoFilePipelineService(catalog, known, context, DecodeLimits())


def indices(entries: list[dict[str, Any]]) -> list[int]:
    return [entry["frame_index"] for entry in entries]


@pytest.mark.parametrize(("name", "count", "first", "step"), [(name, *facts) for name, facts in CLIPS.items()])
def test_every_frame_with_its_exact_time(
    service: VideoFilePipelineService, media_dir: Path, name: str, count: int, first: Fraction, step: Fraction
) -> None:
    entries = service.run_on_file(media_dir / name, "frames")
    assert entries == [
        {"frame_index": n, "result": {"time_s": pytest.approx(float(first + n * step), abs=1e-12)}}
        for n in range(count)
    ]


def test_stride_and_most_frames(service: VideoFilePipelineService, media_dir: Path) -> None:
    clip = media_dir / "hevc-bframes.mp4"
    assert indices(service.run_on_file(clip, "frames", frame_stride=7)) == [0, 7, 14, 21, 28]
    assert indices(service.run_on_file(clip, "frames", max_frames=3)) == [0, 1, 2]
    assert indices(service.run_on_file(clip, "frames", frame_stride=10, max_frames=2)) == [0, 10]
    assert indices(service.run_on_file(str(clip), "frames", 15)) == [0, 15]


def test_a_pipelines_own_sampling_holds_unless_another_is_asked_for(
    service: VideoFilePipelineService, media_dir: Path
) -> None:
    clip = media_dir / "midroll-5s.mp4"
    by_time = [0, 13, 25, 38, 50, 63, 75, 88, 100, 113]
    assert indices(service.run_on_file(clip, "mine")) == by_time
    assert indices(service.run_on_file(clip, "mine", frame_stride=1)) == by_time
    assert indices(service.run_on_file(clip, "mine", max_frames=2)) == by_time[:2]
    assert indices(service.run_on_file(clip, "mine", frame_stride=50)) == [0, 50, 100]


def test_answers_are_those_of_that_frame(service: VideoFilePipelineService, media_dir: Path) -> None:
    sampled = service.run_on_file(media_dir / "person-small.mp4", "mine")
    every = {entry["frame_index"]: entry for entry in service.run_on_file(media_dir / "person-small.mp4", "mine", 5)}
    assert indices(sampled) == [0, 15]
    for entry in sampled:
        assert set(entry["result"]) == {"time_s", "both"}
        assert entry["result"]["both"]["index"] == entry["frame_index"]
        assert 0 < entry["result"]["both"]["light"] < 255
        assert every[entry["frame_index"]] == entry


def test_the_same_again_gives_the_same(service: VideoFilePipelineService, media_dir: Path) -> None:
    clip = media_dir / "hevc-bframes.mp4"
    assert service.run_on_file(clip, "mine", 3) == service.run_on_file(clip, "mine", 3)


class TestKeepingThePipelineLoaded:
    def counts(self, service: VideoFilePipelineService, media_dir: Path) -> dict[str, int]:
        (entry,) = service.run_on_file(media_dir / "hevc-bframes.mp4", "counting", max_frames=1)
        return entry["result"]["a"]  # type: ignore[no-any-return]

    def test_from_video_to_video(self, service: VideoFilePipelineService, media_dir: Path) -> None:
        for begins in (1, 2, 3):
            assert self.counts(service, media_dir) == {"nth": 0, "loads": 1, "begins": begins}

    def test_until_another_is_asked_for(self, service: VideoFilePipelineService, media_dir: Path) -> None:
        self.counts(service, media_dir)
        service.run_on_file(media_dir / "hevc-bframes.mp4", "frames", max_frames=1)
        assert self.counts(service, media_dir) == {"nth": 0, "loads": 1, "begins": 1}

    def test_not_across_other_settings(self, service: VideoFilePipelineService, media_dir: Path) -> None:
        clip = media_dir / "hevc-bframes.mp4"
        for value in (3, 4, 3):
            definition = define({"a": {"analyzer": "constant", "with": {"value": value}}})
            results = list(service.iterate(clip, definition, Sampling(max_frames=2)))
            assert [result.outputs for result in results] == [{"a": value}] * 2


class TestRefusals:
    def test_a_pipeline_there_is_not(self, service: VideoFilePipelineService, media_dir: Path) -> None:
        with pytest.raises(UnknownPipeline):
            service.run_on_file(media_dir / "midroll-5s.mp4", "nothing")

    def test_a_pipeline_that_lacks_something(self, service: VideoFilePipelineService, media_dir: Path) -> None:
        with pytest.raises(PipelineUnavailable, match="model file is missing"):
            service.run_on_file(media_dir / "midroll-5s.mp4", "lacking")

    def test_a_file_that_is_no_video(self, service: VideoFilePipelineService, tmp_path: Path) -> None:
        (tmp_path / "x.mp4").write_bytes(b"no video" * 100)
        with pytest.raises(VideoUnreadable):
            service.run_on_file(tmp_path / "x.mp4", "frames")

    def test_a_node_that_fails(self, service: VideoFilePipelineService, media_dir: Path) -> None:
        with pytest.raises(AnalyzerFailed, match=r"Node 'a' .* frame 0: ZeroDivisionError"):
            service.run_on_file(media_dir / "midroll-5s.mp4", "failing")

    @pytest.mark.parametrize("options", [{"frame_stride": 0}, {"frame_stride": -1}, {"max_frames": 0}])
    def test_a_sampling_that_makes_no_sense(
        self, service: VideoFilePipelineService, media_dir: Path, options: dict[str, int]
    ) -> None:
        with pytest.raises(ValueError, match="greater than or equal to 1"):
            service.run_on_file(media_dir / "midroll-5s.mp4", "frames", **options)


def test_results_come_while_the_video_is_being_read(service: VideoFilePipelineService, media_dir: Path) -> None:
    definition = define({"a": {"analyzer": "index"}})
    running = service.iterate(media_dir / "midroll-5s.mp4", definition, Sampling())
    assert next(running).frame_index == 0
    assert next(running).outputs == {"a": 1}
    running.close()  # type: ignore[attr-defined]


class Weighed(Index):
    """Answers what its model says."""

    def load(self) -> None:
        [path] = self.model_files()
        self.model = path.read_text()

    def model_files(self) -> list[Path]:
        return [self.context.models_dir / "small.onnx"]

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [self.model] * len(frames)


class TestExchangedModel:
    def put(self, directory: Path, model: str) -> str:
        (directory / "next.onnx").write_text(model)
        (directory / "next.onnx").replace(directory / "small.onnx")
        return hashlib.sha256(model.encode()).hexdigest()

    def test_is_used_by_the_next_job_and_told(self, tmp_path: Path, media_dir: Path) -> None:
        known, context = registry(weighed=Weighed), AnalyzerContext(tmp_path)
        catalog = PipelineCatalog.load(tmp_path / "none", known, context)
        service = VideoFilePipelineService(catalog, known, context, DecodeLimits())
        definition = define({"a": {"analyzer": "weighed"}})

        def analysed() -> tuple[str, str]:
            """Return what a job answers, and the digest of the model that is told of it."""
            [result] = service.analyse(media_dir / "fragmented.mp4", definition, Sampling(max_frames=1), list).outcome
            self.put(tmp_path, "another one, when the answers are there")
            [told] = service.provenance(definition)["nodes"]["a"]["models"]
            return result.outputs["a"], told["sha256"]

        for model in ("first", "second"):
            digest = self.put(tmp_path, model)
            assert analysed() == (model, digest)
