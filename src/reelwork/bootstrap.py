"""The composition root: settings in, services out. The only place that names adapters."""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fastapi import FastAPI

from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.api.app import create_app
from reelwork.child_process import end_with_starting_thread
from reelwork.db.engine import Database
from reelwork.db.migrate import migrate, require_head
from reelwork.errors import ConfigurationError
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.service import JobService
from reelwork.jobs.store import JobStore
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.queues.database import DatabaseQueue
from reelwork.queues.service import QueueService
from reelwork.settings import Settings
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import StorageService
from reelwork.video.prober import VideoProber
from reelwork.video.source import DecodeLimits
from reelwork.worker.analysis import AnalysisAnswer, AnalysisRequest, analysing
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.rescue import Rescue
from reelwork.worker.retention import Retention
from reelwork.worker.runner import AnalysisProcess, JobLimits, JobRunner
from reelwork.worker.slot import Slot
from reelwork.worker.stop import StopRequest
from reelwork.worker.worker import Worker


@dataclass(frozen=True)
class Foundation:
    """What the API and the worker both stand on."""

    database: Database
    queue: QueueService
    store: JobStore
    storage: StorageService


def database(settings: Settings) -> Database:
    """Open the database, whatever revision it is at.

    Raises:
        ConfigurationError: It cannot be opened, or this user may not write to its directory.
    """
    if settings.uses_embedded_database:
        _require_writable(settings.data_dir)
    return Database(settings.database_url or f"sqlite:///{settings.data_dir / 'reelwork.db'}")


def foundation(settings: Settings) -> Foundation:
    """Open the database and the storage; the embedded database is brought up to date first.

    Raises:
        ConfigurationError: A database of one's own is not at the revision this version needs, or a
            directory cannot be written to.
    """
    opened = database(settings)
    if settings.uses_embedded_database:
        migrate(opened)
    require_head(opened)
    queue = DatabaseQueue(opened)
    policy = AttemptPolicy(settings.max_attempts, settings.retry_rest_s)
    return Foundation(opened, queue, JobStore(opened, queue, policy), _storage(settings))


def catalog(settings: Settings) -> PipelineCatalog:
    """Load the pipelines."""
    own = settings.pipelines_dir or settings.data_dir / "pipelines"
    return PipelineCatalog.load(own, AnalyzerRegistry.installed(), _analyzer_context(settings))


def pipeline_service(settings: Settings) -> VideoFilePipelineService:
    """Make the service that runs pipelines in this process."""
    return VideoFilePipelineService(
        catalog(settings), AnalyzerRegistry.installed(), _analyzer_context(settings), _decode_limits(settings)
    )


def api(settings: Settings) -> FastAPI:
    """Make the HTTP application."""
    base = foundation(settings)
    prober = VideoProber(_decode_limits(settings), settings.probe_processes, settings.probe_timeout_s)
    pipelines = catalog(settings)

    def stop() -> None:
        prober.stop()
        base.database.close()

    return create_app(
        JobService(base.store, base.storage, pipelines, prober),
        pipelines,
        check_ready=lambda: require_head(base.database),
        start=prober.start,
        stop=stop,
        max_upload_bytes=settings.max_upload_bytes,
    )


def worker(settings: Settings, stop: StopRequest, concurrency: int = 1) -> Worker:
    """Make a worker that runs ``concurrency`` jobs side by side; nothing is started before ``Worker.run``."""
    base = foundation(settings)
    name = f"{socket.gethostname()}:{os.getpid()}"
    limits = JobLimits(settings.job_timeout_s, settings.job_memory_mb)

    def slot(number: int) -> Slot:
        child = AnalysisProcess(f"analysis-{number}", _analysing, settings)
        runner = JobRunner(base.store, base.storage, child, stop, limits, settings.lease_s)
        return Slot(name, base.queue, base.store, runner, stop, settings.lease_s)

    return Worker(name, [slot(number) for number in range(concurrency)], _rescue(base, settings), stop)


def rescue(settings: Settings, orphan_age_s: float | None = None) -> Rescue:
    """Make a rescue to be run by hand."""
    return _rescue(foundation(settings), settings, orphan_age_s)


def _rescue(base: Foundation, settings: Settings, orphan_age_s: float | None = None) -> Rescue:
    age_s = settings.orphan_age_s if orphan_age_s is None else orphan_age_s
    orphaned = OrphanedFiles(base.store, base.storage, age_s)
    retention = Retention(base.store, base.storage, settings.retention_s)
    return Rescue(base.store, orphaned, retention, lease_s=settings.lease_s, retention_s=settings.retention_s)


def _analysing(settings: Settings) -> Callable[[AnalysisRequest], AnalysisAnswer]:
    end_with_starting_thread()
    return analysing(pipeline_service(settings))


def _storage(settings: Settings) -> StorageService:
    root = settings.data_dir / "files"
    if settings.storage_url:
        root = Path(unquote(urlsplit(settings.storage_url).path))
    _require_writable(root)
    return LocalStorage(root)


def _require_writable(directory: Path) -> None:
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigurationError(f"The directory {existing} cannot be written to by this user, or at all.")


def _analyzer_context(settings: Settings) -> AnalyzerContext:
    return AnalyzerContext(settings.models_dir or settings.data_dir / "models", _threads(settings))


def _decode_limits(settings: Settings) -> DecodeLimits:
    return DecodeLimits(settings.max_pixels, _threads(settings))


def _threads(settings: Settings) -> int:
    return settings.threads or os.cpu_count() or 1
