"""The pipelines: offered by the API, run by the analysis process."""

import os
from collections.abc import Callable
from functools import partial

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.child_process import ChildProcess, end_with_starting_thread
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.segment_processes import SegmentProcess, SegmentProcesses, answering
from reelwork.pipeline.segments import SegmentRequest
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.settings import Settings
from reelwork.video.source import DecodeLimits


def load_catalog(settings: Settings) -> PipelineCatalog:
    """Load the pipelines."""
    return _catalog(settings, AnalyzerRegistry.installed())


def make_pipeline_service(settings: Settings) -> VideoFilePipelineService:
    """Make the service that runs pipelines in this process, and parts of long videos in processes of its own."""
    processes = settings.segment_processes
    segments = SegmentProcesses(processes, partial(_segment_process, settings)) if processes > 1 else None
    return _service(settings, _threads(settings), segments)


def decode_limits(settings: Settings) -> DecodeLimits:
    """Return what decoding one video may take."""
    return DecodeLimits(settings.max_pixels, _threads(settings), settings.max_duration_s)


def set_up_segments(settings: Settings) -> Callable[[SegmentRequest], str | None]:
    """Return the function that works on segments; called in their process."""
    end_with_starting_thread()
    service = _service(settings, max(1, _threads(settings) // settings.segment_processes), None)
    return answering(service.run_segment)


def _segment_process(settings: Settings) -> SegmentProcess:
    return ChildProcess("reelwork-segment", set_up_segments, settings)


def _service(settings: Settings, threads: int, segments: SegmentProcesses | None) -> VideoFilePipelineService:
    registry = AnalyzerRegistry.installed()
    limits = DecodeLimits(settings.max_pixels, threads)
    context = _analyzer_context(settings, threads)
    return VideoFilePipelineService(_catalog(settings, registry), registry, context, limits, segments)


def _catalog(settings: Settings, registry: AnalyzerRegistry) -> PipelineCatalog:
    own = settings.pipelines_dir or settings.data_dir / "pipelines"
    return PipelineCatalog.load(own, registry, _analyzer_context(settings, _threads(settings)))


def _analyzer_context(settings: Settings, threads: int) -> AnalyzerContext:
    return AnalyzerContext(settings.models_dir or settings.data_dir / "models", threads=1, cores=threads)


def _threads(settings: Settings) -> int:
    return settings.threads or os.cpu_count() or 1
