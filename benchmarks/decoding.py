"""What the pipeline adds to a bare decode, and what it saves by not decoding."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.rounds import interleaved
from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs, Json
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits

_FRAMES = 300
_THREADS = 2
_STRIDE = 30
_WIDTH, _HEIGHT = 1920, 1080
_TRAFFIC = Path(__file__).parent.parent / "media" / "car-detection.mp4"

Picture = NDArray[np.uint8]


class Luma(Analyzer):
    """Touch the Y plane."""

    parallel = True
    by_picture = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [int(frame.luma()[0, 0]) for frame in frames]


class Colour(Analyzer):
    """Touch the BGR picture."""

    parallel = True
    by_picture = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [int(frame.bgr()[0, 0, 0]) for frame in frames]


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        clip, traffic = Path(folder) / "clip.mp4", Path(folder) / "traffic.mp4"
        _encode(clip, _made())
        _encode(traffic, _filmed())
        service = _service(Path(folder))
        seconds = interleaved(
            {
                "bare decode": lambda: _bare(clip),
                "pipeline, Y plane": lambda: _through(service, clip, "luma"),
                "bare decode to bgr24": lambda: _bare(clip, _to_bgr),
                "pipeline, BGR": lambda: _through(service, clip, "colour"),
                "OpenCV with JPEG": lambda: _opencv(clip),
                "bare, every 30th to bgr24": lambda: _bare(traffic, _to_bgr, _STRIDE),
                "pipeline, every 30th, BGR": lambda: _through(service, traffic, "colour", frame_stride=_STRIDE),
            },
            rounds=5,
        )
    for name, taken in seconds.items():
        print(f"{name:26} {_FRAMES / taken:8.1f} frames of the video/s")
    compared = [
        ("Y plane against bare decode", "bare decode", "pipeline, Y plane"),
        ("BGR against bare bgr24", "bare decode to bgr24", "pipeline, BGR"),
        ("BGR against OpenCV with a JPEG encode and decode", "OpenCV with JPEG", "pipeline, BGR"),
        ("stride 30 against decoding everything", "bare, every 30th to bgr24", "pipeline, every 30th, BGR"),
    ]
    for what, theirs, ours in compared:
        print(f"{what:48} {seconds[theirs] / seconds[ours]:5.2f}")


def _service(folder: Path) -> VideoFilePipelineService:
    registry = AnalyzerRegistry({"luma": Luma, "colour": Colour})
    context = AnalyzerContext(folder, cores=_THREADS)
    catalog = PipelineCatalog.load(folder, registry, context)
    return VideoFilePipelineService(catalog, registry, context, DecodeLimits(threads=_THREADS))


def _to_bgr(frame: av.VideoFrame) -> object:
    return frame.to_ndarray(format="bgr24")


def _bare(clip: Path, use: Callable[[av.VideoFrame], object] | None = None, stride: int = 1) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        for number, frame in enumerate(container.decode(stream)):
            if use and number % stride == 0:
                use(frame)


def _opencv(clip: Path) -> None:
    """Read every frame and hand it on as a JPEG, as is often done."""
    capture = cv2.VideoCapture(str(clip))
    while (read := capture.read())[0]:
        _, jpeg = cv2.imencode(".jpg", read[1])
        cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    capture.release()


def _through(service: VideoFilePipelineService, clip: Path, analyzer: str, **sampling: int) -> None:
    definition = PipelineDefinition.model_validate(
        {"name": analyzer, "nodes": {"answer": {"analyzer": analyzer}}, "outputs": ["answer"]}
    )
    for _ in service.iterate(clip, definition, Sampling().with_options(**sampling)):
        pass


def _made() -> Iterator[Picture]:
    noise = np.random.default_rng(1).integers(0, 255, (_HEIGHT, _WIDTH, 3), np.uint8)
    for number in range(_FRAMES):
        picture = np.roll(noise // 4 + 60, number * 8, axis=1)
        picture[200:600, 300:1400] = (number % 256, 120, 200)
        yield picture


def _filmed() -> Iterator[Picture]:
    """Road traffic, enlarged: what frames cost that others refer to, and others, depends on what moves."""
    with av.open(str(_TRAFFIC)) as container:
        for frame in islice(container.decode(video=0), _FRAMES):
            yield np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), (_WIDTH, _HEIGHT)), np.uint8)


def _encode(clip: Path, pictures: Iterable[Picture]) -> None:
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "23", "preset": "veryfast", "bf": "3"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
