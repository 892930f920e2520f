"""What a long video takes: memory by its length, time in segments, and how soon a warm process begins."""

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from uuid import uuid4

from benchmarks.clips import encode, moving_noise, traffic
from benchmarks.rounds import interleaved
from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs, Json
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.bootstrap.pipelines import make_pipeline_service
from reelwork.child_process import ChildProcess
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.settings import Settings
from reelwork.video.source import DecodeLimits
from reelwork.worker.analysis import AnalysisRequest, analysing

_CORES = 2
_STARTS = 20
_ENCODE = {"crf": "30", "preset": "ultrafast", "g": "120"}


class TwentyBoxes(Analyzer):
    """Answer twenty boxes for every frame."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        box = {"x": 0.123456, "y": 0.234567, "w": 0.345678, "h": 0.456789}
        return [[{"label": "car", "confidence": 0.987654, "box": dict(box)} for _ in range(20)] for _ in frames]


class Stamp(Analyzer):
    """Answer when the frame was seen."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [time.time() for _ in frames]


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _memory(folder)
        _first_frame(folder)
        _segments(folder)


def _memory(folder: Path) -> None:
    peaks = []
    for minutes in (1, 30):
        clip = folder / f"{minutes}.mp4"
        encode(clip, moving_noise, minutes * 60 * 30, 160, 96, **_ENCODE)
        child: ChildProcess[AnalysisRequest, int] = ChildProcess("memory", set_up_memory)
        child.send(_request(clip, "boxes", folder))
        child.wait_for_answer(600)
        peaks.append(child.answer() / 2**20)
        child.kill()
    print(f"peak memory: 1 min {peaks[0]:.1f} MiB, 30 min {peaks[1]:.1f} MiB, growth {peaks[1] - peaks[0]:.1f} MiB")


def _first_frame(folder: Path) -> None:
    clip = folder / "first.mp4"
    encode(clip, moving_noise, 60, 1280, 720, **_ENCODE)
    child = ChildProcess("first-frame", set_up_stamp)
    taken = []
    for _ in range(_STARTS):
        began = time.time()
        child.send(_request(clip, "stamp", folder))
        child.wait_for_answer(60)
        taken.append(child.answer() - began)
    child.kill()
    warm = sorted(taken[1:])
    print(f"warm process, request to first frame, 720p: median {statistics.median(warm) * 1000:.1f} ms, ", end="")
    print(f"worst of {len(warm)} {warm[-1] * 1000:.1f} ms")


def _segments(folder: Path) -> None:
    clip = folder / "long.mp4"
    encode(clip, traffic, 2400, 1280, 720, **_ENCODE)
    nodes = {"quality": {"analyzer": "quality"}, "scenes": {"analyzer": "scenes"}, "codes": {"analyzer": "codes"}}
    definition = PipelineDefinition.model_validate({"name": "all", "nodes": nodes, "outputs": list(nodes)})
    written: dict[str, bytes] = {}

    def analyse(name: str, service: VideoFilePipelineService) -> None:
        path = folder / "results.json"
        service.analyse(clip, definition, definition.sampling, partial(_write, path))
        written[name] = path.read_bytes()

    services = {
        f"{processes} process(es)": make_pipeline_service(
            Settings(data_dir=folder, threads=_CORES, segment_processes=processes)
        )
        for processes in (1, _CORES)
    }
    ways: dict[str, Callable[[], object]] = {name: partial(analyse, name, one) for name, one in services.items()}
    whole, split = interleaved(ways, rounds=3).values()
    same = len(set(written.values())) == 1
    print(f"4 segments in {_CORES} processes against one process with {_CORES} threads: {whole / split:.2f}, ", end="")
    print("identical bytes" if same else "DIFFERENT BYTES")


def set_up_memory() -> Callable[[AnalysisRequest], int]:
    """Return what runs a request and answers the peak memory of its process; called in the child."""
    answer = analysing(_service())

    def peak(request: AnalysisRequest) -> int:
        answer(request)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    return peak


def set_up_stamp() -> Callable[[AnalysisRequest], float]:
    """Return what runs a request and answers when the first frame was seen; called in the child."""
    service = _service()

    def first(request: AnalysisRequest) -> float:
        definition = PipelineDefinition.model_validate(request.pipeline_definition)
        for result in service.iterate(request.video_path, definition, definition.sampling):
            return float(result.outputs["answer"])
        raise LookupError("no frames")

    return first


def _service() -> VideoFilePipelineService:
    registry = AnalyzerRegistry({"boxes": TwentyBoxes, "stamp": Stamp})
    context = AnalyzerContext(Path(os.devnull), cores=_CORES)
    catalog = PipelineCatalog.load(Path(os.devnull), registry, context)
    return VideoFilePipelineService(catalog, registry, context, DecodeLimits(threads=_CORES))


def _request(clip: Path, analyzer: str, folder: Path) -> AnalysisRequest:
    definition = PipelineDefinition.model_validate(
        {"name": analyzer, "nodes": {"answer": {"analyzer": analyzer}}, "outputs": ["answer"]}
    )
    return AnalysisRequest(uuid4(), clip, definition.to_json(), {}, folder / "results.json")


def _write(path: Path, results: Iterator[FrameResult]) -> int:
    with path.open("wb") as stream:
        return write_results(stream, _NOBODY, results)


_NOBODY = uuid4()
