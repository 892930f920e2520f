"""The pipelines: offered by the API, run by the analysis process."""

import os

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.settings import Settings
from reelwork.video.source import DecodeLimits


def load_catalog(settings: Settings) -> PipelineCatalog:
    """Load the pipelines."""
    return _catalog(settings, AnalyzerRegistry.installed())


def make_pipeline_service(settings: Settings) -> VideoFilePipelineService:
    """Make the service that runs pipelines in this process."""
    registry = AnalyzerRegistry.installed()
    return VideoFilePipelineService(
        _catalog(settings, registry), registry, _analyzer_context(settings), decode_limits(settings)
    )


def decode_limits(settings: Settings) -> DecodeLimits:
    """Return what decoding one video may take."""
    return DecodeLimits(settings.max_pixels, _threads(settings))


def _catalog(settings: Settings, registry: AnalyzerRegistry) -> PipelineCatalog:
    own = settings.pipelines_dir or settings.data_dir / "pipelines"
    return PipelineCatalog.load(own, registry, _analyzer_context(settings))


def _analyzer_context(settings: Settings) -> AnalyzerContext:
    return AnalyzerContext(settings.models_dir or settings.data_dir / "models", threads=1, cores=_threads(settings))


def _threads(settings: Settings) -> int:
    return settings.threads or os.cpu_count() or 1
