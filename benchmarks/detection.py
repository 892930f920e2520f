"""A model of YOLO's size on every frame, against what the cores could do at best."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import onnxruntime
import psutil

from reelwork.analyzers import AnalyzerContext
from reelwork.analyzers.builtin.objects import Objects
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits
from tests.support.onnx_models import save_yolo_size

_FRAMES = 180
_ROUNDS = 5
_DEFINITION = PipelineDefinition.model_validate(
    {"name": "objects", "nodes": {"objects": {"analyzer": "objects"}}, "outputs": ["objects"]}
)


def run() -> None:
    """Measure and print."""
    cores = len(psutil.Process().cpu_affinity() or ())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, model = folder / "clip.mp4", folder / "objects.onnx"
        _encode(clip)
        save_yolo_size(model)
        service, infer = _service(folder, cores), _inference(model)
        _pipeline(service, clip)
        rounds = [_round(service, clip, infer) for _ in range(_ROUNDS)]
    decode, inference, taken, used = (statistics.median(column) for column in zip(*rounds, strict=True))
    limit = (decode + inference) / cores
    print(f"decode, CPU                 {decode / _FRAMES * 1000:7.2f} ms a frame")
    print(f"inference, CPU              {inference / _FRAMES * 1000:7.2f} ms a frame")
    print(f"limit on {cores} cores            {_FRAMES / limit:7.2f} frames/s")
    print(f"pipeline                    {_FRAMES / taken:7.2f} frames/s, {used / taken:.2f} cores busy with it")
    shares = [(one[0] + one[1]) / cores / one[2] for one in rounds]
    print(f"of the CPU time it uses     {(decode + inference) / used:7.2f} is decoding and inference")
    print(f"share of the limit reached  {statistics.median(shares):7.2f} ({min(shares):.2f} to {max(shares):.2f})")


def _round(
    service: VideoFilePipelineService, clip: Path, infer: Callable[[], object]
) -> tuple[float, float, float, float]:
    """Return the CPU seconds of decoding and of inference alone, and the pipeline's seconds and CPU seconds."""
    decode = _cpu_seconds(lambda: _decode(clip))
    inference = _cpu_seconds(lambda: [infer() for _ in range(_FRAMES)])
    began, used = time.perf_counter(), time.process_time()
    _pipeline(service, clip)
    return decode, inference, time.perf_counter() - began, time.process_time() - used


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _decode(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def _inference(model: Path) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    blob = np.random.default_rng(0).random((1, 3, 640, 640), np.float32)
    session.run(None, {"pixels": blob})
    return lambda: session.run(None, {"pixels": blob})


def _service(folder: Path, cores: int) -> VideoFilePipelineService:
    registry = AnalyzerRegistry({"objects": Objects})
    context = AnalyzerContext(folder, cores=cores)
    catalog = PipelineCatalog.load(folder, registry, context)
    return VideoFilePipelineService(catalog, registry, context, DecodeLimits(threads=1))


def _pipeline(service: VideoFilePipelineService, clip: Path) -> None:
    assert sum(1 for _ in service.iterate(clip, _DEFINITION, Sampling())) == _FRAMES


def _encode(clip: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8)
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "28", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(_FRAMES):
            picture = np.roll(noise // 4 + 60, number * 8, axis=1)
            picture[200:500, 300:1000] = (number % 256, 120, 200)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
