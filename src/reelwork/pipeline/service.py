"""The use case of this package: an MP4 and a pipeline in, an answer for every analysed frame out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.executor import FrameResult, PipelineExecutor
from reelwork.pipeline.graph import build_graph
from reelwork.pipeline.results import as_entry
from reelwork.pipeline.sampling import Sampling
from reelwork.video.source import DecodeLimits, VideoFile


class VideoFilePipelineService:
    """Runs pipelines over MP4 files, in this process.

    An untrusted MP4 can crash the decoder: run one in a child process, as the worker does.
    """

    def __init__(
        self, catalog: PipelineCatalog, registry: AnalyzerRegistry, context: AnalyzerContext, limits: DecodeLimits
    ) -> None:
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
        return [as_entry(result) for result in self.iterate(Path(mp4_path), definition, sampling)]

    def iterate(self, mp4_path: Path, definition: PipelineDefinition, sampling: Sampling) -> Iterator[FrameResult]:
        """Analyse a file frame by frame, in flat memory; the definition may come from a job."""
        executor = self._executor(definition)
        with VideoFile.open(mp4_path, self._limits) as video:
            yield from executor.run(video.frames(sampling.chooser()))

    def _executor(self, definition: PipelineDefinition) -> PipelineExecutor:
        # The last pipeline stays loaded: queues mostly hold jobs of one kind, and models are large.
        if self._loaded is None or self._loaded[0] != definition:
            self._loaded = None
            self._loaded = (
                definition,
                PipelineExecutor(build_graph(definition, self._registry), self._context, self._context.cores),
            )
        return self._loaded[1]
