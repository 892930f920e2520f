"""What the pipeline adds to a bare decode, and what it saves by not decoding."""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import av
import cv2

from benchmarks.clips import encode, traffic
from benchmarks.rounds import side_by_side
from reelwork.analyzers import Analyzer, AnalyzerContext, Frame, Inputs, Json
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits

_FRAMES = 600
_THREADS = 2
_STRIDE = 30
_WIDTH, _HEIGHT = 1920, 1080
_ENCODE = {"crf": "23", "preset": "veryfast", "bf": "3", "b-adapt": "0"}
"""Three B-frames between any two others; others refer to some of them."""
_PLAIN_ENCODE = {**_ENCODE, "b-pyramid": "none"}
"""The same, and nothing refers to them, as hardware mostly makes them."""
_USUAL_ENCODE = {"crf": "23"}
"""What x264 makes by default: B-frames where it finds them worth it, and others refer to some of them."""


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
    """Measure and print; each pair in turns, so that both meet the same machine."""
    with tempfile.TemporaryDirectory() as folder:
        clip, plain, usual = (Path(folder) / f"{name}.mp4" for name in ("clip", "plain", "usual"))
        encode(clip, traffic, _FRAMES, _WIDTH, _HEIGHT, **_ENCODE)
        encode(plain, traffic, _FRAMES, _WIDTH, _HEIGHT, **_PLAIN_ENCODE)
        encode(usual, traffic, _FRAMES, _WIDTH, _HEIGHT, **_USUAL_ENCODE)
        service = _service(Path(folder))
        bgr = partial(_through, service, clip, "colour")
        pairs: list[tuple[str, Callable[[], None], Callable[[], None], int]] = [
            ("Y plane against bare decode", partial(_bare, clip), partial(_through, service, clip, "luma"), 15),
            ("BGR against bare bgr24", partial(_bare, clip, _to_bgr), bgr, 15),
            ("BGR against OpenCV and JPEG", partial(_opencv, clip), bgr, 5),
            ("every 30th against all, 3 B-frames", *_every_30th(service, clip), 15),
            ("the same, nothing refers to B-frames", *_every_30th(service, plain), 15),
            ("every 30th against all, x264 by default", *_every_30th(service, usual), 15),
        ]
        for what, theirs, ours, rounds in pairs:
            ratios = side_by_side(theirs, ours, rounds)
            print(f"{what:40} median of {rounds}: {median(ratios):5.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def _every_30th(service: VideoFilePipelineService, clip: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Decode everything and convert the picked; let the pipeline do the same."""
    picking = partial(_through, service, clip, "colour", frame_stride=_STRIDE)
    return partial(_bare, clip, _to_bgr, _STRIDE), picking


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
