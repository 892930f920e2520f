"""The use case of this package: an MP4 and a pipeline in, an answer for every analysed frame out."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.errors import DecodingStopped
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.executor import FrameResult, PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.pipeline.provenance import provenance
from reelwork.pipeline.results import as_entry
from reelwork.pipeline.sampling import Sampling, Window
from reelwork.pipeline.segments import (
    Segment,
    SegmentExecutor,
    SegmentFailed,
    SegmentRequest,
    merge,
    plan,
    write_answers,
)
from reelwork.video.decoding import Damage, DecodingUnsure
from reelwork.video.frame import Frame
from reelwork.video.source import DecodeLimits, VideoFile

log = logging.getLogger(__name__)

Outcome = TypeVar("Outcome")


LEAST_FRAMES = 500
"""A segment should have so many frames to analyse: below, what is gained is lost on starting it."""


class VideoFilePipelineService:
    """Runs pipelines over MP4 files, in this process.

    An untrusted MP4 can crash the decoder: run one in a child process, as the worker does.
    """

    def __init__(
        self,
        catalog: PipelineCatalog,
        registry: AnalyzerRegistry,
        context: AnalyzerContext,
        limits: DecodeLimits,
        segments: SegmentExecutor | None = None,
    ) -> None:
        """Make the service.

        Args:
            catalog: The pipelines that can be asked for by name.
            registry: The analyzers.
            context: What analyzers are offered.
            limits: Bounds for decoding.
            segments: Works on parts of long videos side by side; None to work on each as a whole, here.
        """
        self._segments = segments
        self._catalog = catalog
        self._registry = registry
        self._context = context
        self._limits = limits
        self._loaded: tuple[PipelineDefinition, PipelineExecutor] | None = None

    def run_on_file(
        self, mp4_path: Path | str, pipeline_id: str, frame_stride: int = 1, max_frames: int | None = None
    ) -> list[dict[str, Any]]:
        """Analyse a file with a pipeline of the catalog.

        Args:
            mp4_path: A local MP4.
            pipeline_id: Name of the pipeline.
            frame_stride: Analyse every n-th frame; 1 leaves it to the pipeline's own sampling.
            max_frames: Stop after this many analysed frames.

        Returns:
            One ``{"frame_index": int, "result": {"time_s": float, <output node>: ...}}`` per analysed
            frame, in presentation order.

        Raises:
            UnknownPipeline, PipelineUnavailable: There is no such pipeline to be had.
            VideoUnreadable, DecodingStopped: The video cannot be decoded, or not to its end.
            AnalyzerFailed: A node of the pipeline failed.
        """
        definition = self._catalog.get(pipeline_id).definition
        sampling = definition.sampling.with_options(
            frame_stride=frame_stride if frame_stride != 1 else None, max_frames=max_frames
        )
        return self.analyse(Path(mp4_path), definition, sampling, _entries).outcome

    def analyse(
        self,
        mp4_path: Path,
        definition: PipelineDefinition,
        sampling: Sampling,
        write: Callable[[Iterator[FrameResult]], Outcome],
        scratch_dir: Path | None = None,
        *,
        careful: bool = False,
    ) -> "Analysis[Outcome]":
        """Analyse a file frame by frame, in flat memory.

        Args:
            mp4_path: A local MP4.
            definition: The pipeline; it may come from a job.
            sampling: Which frames.
            write: Is given the results as they come and begins anew whenever it is called. That is a second time
                if the decoder was not sure of what it gave: then the video is decoded in one thread,
                so that chance has no part in the answer.
            scratch_dir: Where temporary files may lie; default: where the system puts them.
            careful: Decode in one thread from the start: the decoder has crashed with several.

        Raises:
            As ``run_on_file``; and whatever ``write`` raises.
        """
        self._let_go_of_exchanged_models()
        ways: list[Generator[FrameResult, None, None]] = []
        if not careful:
            if parts := self._parts(mp4_path, definition, sampling):
                ways.append(self._in_segments(parts, mp4_path, definition, sampling, scratch_dir))
            ways.append(self.iterate(mp4_path, definition, sampling))
        for results in ways:
            try:
                with closing(results):
                    return Analysis(write(results), ())
            except (DecodingUnsure, SegmentFailed) as error:
                log.info("decoding.unsure", extra={"reason": str(error)})
        warnings: list[str] = []
        with closing(self._carefully(mp4_path, definition, sampling, warnings)) as results:
            return Analysis(write(results), tuple(warnings))

    def iterate(
        self, mp4_path: Path, definition: PipelineDefinition, sampling: Sampling
    ) -> Generator[FrameResult, None, None]:
        """Analyse a file once, as fast as can be.

        Raises:
            DecodingUnsure: What came may be wrong; ``analyse`` then does it again with care.
        """
        executor = self._executor(definition)
        with VideoFile.open(mp4_path, self._limits) as video:
            yield from executor.run(video.frames(sampling.chooser()))

    def _parts(self, mp4_path: Path, definition: PipelineDefinition, sampling: Sampling) -> list[Segment]:
        """Return the parts of a video that are worth working on side by side; none if it is better left whole."""
        if self._segments is None or not self._executor(definition).can_split:
            return []
        try:
            with VideoFile.open(mp4_path, self._limits) as video:
                parts = plan(video.outline(sampling.chooser()), self._segments.segments, LEAST_FRAMES)
        except DecodingUnsure:
            return []
        return parts if len(parts) > 1 else []

    def _in_segments(
        self,
        parts: list[Segment],
        mp4_path: Path,
        definition: PipelineDefinition,
        sampling: Sampling,
        scratch_dir: Path | None,
    ) -> Generator[FrameResult, None, None]:
        """Analyse parts of a video side by side.

        Raises:
            DecodingUnsure, SegmentFailed: It did not work out.
        """
        assert self._segments is not None
        executor = self._executor(definition)
        how = (mp4_path, definition.to_json(), sampling.model_dump(mode="json"))
        with TemporaryDirectory(dir=scratch_dir) as folder:
            requests = [SegmentRequest(*how, part, Path(folder, str(number))) for number, part in enumerate(parts)]
            with closing(self._segments.run(requests)) as finished:
                yield from executor.conclude(merge(finished))

    def run_segment(self, request: SegmentRequest) -> None:
        """Do the part of a segment's work that does not depend on other segments.

        Raises:
            DecodingUnsure: The video must be worked on as a whole.
        """
        self._let_go_of_exchanged_models()
        executor = self._executor(PipelineDefinition.model_validate(request.pipeline_definition))
        sampling = Sampling.model_validate(request.sampling)
        window = Window(sampling.chooser(), request.segment.start_frame, request.segment.end_frame)
        with (
            VideoFile.open(request.video_path, self._limits) as video,
            request.answers_path.open("wb") as stream,
            closing(executor.observe(video.frames(window))) as answered,
        ):
            write_answers(stream, answered)

    def _carefully(
        self, mp4_path: Path, definition: PipelineDefinition, sampling: Sampling, warnings: list[str]
    ) -> Generator[FrameResult, None, None]:
        executor = self._executor(definition)
        keep = definition.on_decode_error == "keep"
        with VideoFile.open(mp4_path, self._limits, careful=True, keep_damaged=keep) as video:
            frames = video.frames(sampling.chooser())
            yield from executor.run(_up_to_the_damage(frames, warnings) if keep else frames)
            warnings += _told(video.damage)

    def provenance(self, definition: PipelineDefinition) -> dict[str, Any]:
        """Describe what a pipeline's answers are made with here, as plain JSON values."""
        executor = self._executor(definition)
        return provenance(definition, executor.nodes, executor.models, self._registry)

    def _let_go_of_exchanged_models(self) -> None:
        """Have the next video be analysed with the models that are there now; never in the middle of one."""
        if self._loaded and not self._loaded[1].has_its_models():
            self._loaded = None

    def _executor(self, definition: PipelineDefinition) -> PipelineExecutor:
        # The last pipeline stays loaded: queues mostly hold jobs of one kind, and models are large.
        if self._loaded is None or self._loaded[0] != definition:
            self._loaded = None
            graph = build_graph(definition, self._registry)
            self._loaded = (definition, PipelineExecutor(graph, self._context, self._context.cores))
        return self._loaded[1]


@dataclass(frozen=True)
class Analysis(Generic[Outcome]):
    """What became of a file: what the writer of the results returned, and what a person should know about them."""

    outcome: Outcome
    warnings: tuple[str, ...]


def _entries(results: Iterable[FrameResult]) -> list[dict[str, Any]]:
    return [as_entry(result) for result in results]


def _up_to_the_damage(frames: Iterator[Frame], warnings: list[str]) -> Iterator[Frame]:
    """Give the frames before the video breaks off, if there are any."""
    count = 0
    try:
        for frame in frames:
            yield frame
            count += 1
    except DecodingStopped as error:
        if not count:
            raise
        warnings.append(str(error))


def _told(damage: Damage) -> Iterator[str]:
    if damage.frames:
        first, last = damage.frames[0], damage.frames[-1]
        frames = f"frame {first}" if first == last else f"{len(damage.frames)} frames from {first} to {last}"
        yield f"The video is damaged: the decoder had to guess parts of {frames}."
    if damage.missing > 0:
        yield (
            f"The video announces more frames than could be decoded: {damage.missing} did not come out, "
            "and those behind them are numbered without them."
        )
