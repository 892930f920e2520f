"""Reading the text of 720p slides, every 15th frame, on all cores."""

import os
import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import av

from reelwork.analyzers import AnalyzerContext
from reelwork.analyzers.builtin.text import Text
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.video.source import DecodeLimits
from tests.support.slides import Show, character_error_rate, encode, slides

_CORES = len(os.sched_getaffinity(0))
_STRIDE = 15
_SLIDES = 3
_ROUNDS = 3
_SHOWS = {
    "slides shown for 5 s": Show(),
    "the same, a line more every second": Show(build_frames=30),
    "the same, a line more every half second and a bar that never rests": Show(build_frames=15, moving=True),
}
_OURS: dict[str, dict[str, Any]] = {
    "text": {},
    "text, reuse: similar": {"reuse": "similar"},
    "text, engine: tesseract": {"engine": "tesseract"},
}
_THEIRS = "rapidocr, its own defaults"

Reader = Callable[[Path], list[str]]
"""Returns what is read in every ``_STRIDE``-th frame of a video."""


@dataclass
class _Way:
    """One way to read a video; each round starts with a new reader, so that it has seen nothing of the video."""

    reader: Callable[[], Reader]
    seconds: list[float] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)

    def measure(self, warm_up: Path, clip: Path) -> None:
        read = self.reader()
        read(warm_up)
        began = perf_counter()
        self.readings = read(clip)
        self.seconds.append(perf_counter() - began)


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        warm_up = Path(folder) / "warm-up.mp4"
        encode(warm_up, slides(1, seed=2), Show(slide_frames=20))
        for name, show in _SHOWS.items():
            clip = Path(folder) / "slides.mp4"
            truths = encode(clip, slides(_SLIDES), show)[::_STRIDE]
            print(f"  {name}, {len(truths)} frames", flush=True)
            _print(_measured(warm_up, clip), truths)


def _measured(warm_up: Path, clip: Path) -> dict[str, _Way]:
    ways = {_THEIRS: _Way(_theirs)}
    for name, settings in _OURS.items():
        if Text.unavailable_because(Text.Settings(**settings), AnalyzerContext(clip.parent)) is None:
            ways[name] = _Way(lambda settings=settings: _ours(clip.parent, settings))  # type: ignore[misc]
    for _ in range(_ROUNDS):
        for way in ways.values():
            way.measure(warm_up, clip)
    return ways


def _print(ways: Mapping[str, _Way], truths: list[str]) -> None:
    theirs = statistics.median(ways[_THEIRS].seconds)
    for name, way in ways.items():
        seconds = statistics.median(way.seconds)
        errors = character_error_rate(truths, way.readings)
        print(
            f"    {name:28} {seconds / len(truths) * 1000:7.1f} ms a frame   x{theirs / seconds:5.2f}   "
            f"character error rate {errors:.2%}",
            flush=True,
        )


def _theirs() -> Reader:
    from rapidocr import RapidOCR

    engine: Any = RapidOCR(params={"Global.log_level": "critical"})

    def read(clip: Path) -> list[str]:
        with av.open(str(clip)) as container:
            container.streams.video[0].thread_type = "AUTO"
            return [
                " ".join(engine(frame.to_ndarray(format="bgr24")).txts or ())
                for number, frame in enumerate(container.decode(video=0))
                if number % _STRIDE == 0
            ]

    return read


def _ours(folder: Path, settings: Mapping[str, Any]) -> Reader:
    registry, context = AnalyzerRegistry({"text": Text}), AnalyzerContext(folder, cores=_CORES)
    service = VideoFilePipelineService(
        PipelineCatalog.load(folder, registry, context), registry, context, DecodeLimits(threads=_CORES)
    )
    definition = PipelineDefinition.model_validate(
        {"name": "slides", "nodes": {"text": {"analyzer": "text", "with": dict(settings)}}, "outputs": ["text"]}
    )

    def read(clip: Path) -> list[str]:
        results = service.iterate(clip, definition, Sampling(frame_stride=_STRIDE))
        return [" ".join(item["text"] for item in result.outputs["text"]) for result in results]

    return read
