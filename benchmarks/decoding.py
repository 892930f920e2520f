"""What the pipeline adds to a bare decode, at 1080p."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from benchmarks.rounds import interleaved
from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs, Json
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits

_FRAMES = 150
_THREADS = 2


class Luma(Analyzer):
    """Touch the Y plane."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [int(frame.luma()[0, 0]) for frame in frames]


class Colour(Analyzer):
    """Touch the BGR picture."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [int(frame.bgr()[0, 0, 0]) for frame in frames]


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        _encode(clip)
        registry = AnalyzerRegistry({"luma": Luma, "colour": Colour})
        context = AnalyzerContext(Path(folder), cores=_THREADS)
        catalog = PipelineCatalog.load(Path(folder), registry, context)
        service = VideoFilePipelineService(catalog, registry, context, DecodeLimits(threads=_THREADS))
        seconds = interleaved(
            {
                "bare decode": lambda: _bare(clip, None),
                "pipeline, Y plane": lambda: _through(service, clip, "luma"),
                "bare decode to bgr24": lambda: _bare(clip, "bgr24"),
                "pipeline, BGR": lambda: _through(service, clip, "colour"),
            }
        )
    for name, taken in seconds.items():
        print(f"{name:24} {_FRAMES / taken:8.1f} frames/s")
    print(f"Y plane against bare decode: {seconds['bare decode'] / seconds['pipeline, Y plane']:.2f}")
    print(f"BGR against bare bgr24:      {seconds['bare decode to bgr24'] / seconds['pipeline, BGR']:.2f}")


def _bare(clip: Path, pixel_format: str | None) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        for frame in container.decode(stream):
            if pixel_format:
                frame.to_ndarray(format=pixel_format)


def _through(service: VideoFilePipelineService, clip: Path, analyzer: str) -> None:
    definition = PipelineDefinition.model_validate(
        {"name": analyzer, "nodes": {"answer": {"analyzer": analyzer}}, "outputs": ["answer"]}
    )
    for _ in service.iterate(clip, definition, Sampling()):
        pass


def _encode(clip: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), np.uint8)
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "28", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(_FRAMES):
            picture = np.roll(noise // 4 + 60, number * 8, axis=1)
            picture[200:600, 300:1400] = (number, 120, 200)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
