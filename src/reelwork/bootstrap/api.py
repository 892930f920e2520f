"""The API's process."""

from fastapi import FastAPI

from reelwork.api.app import create_app
from reelwork.bootstrap.foundation import open_foundation
from reelwork.bootstrap.pipelines import decode_limits, load_catalog
from reelwork.db.migrate import require_head
from reelwork.jobs.service import JobService
from reelwork.settings import Settings
from reelwork.video.prober import VideoProber


def make_api(settings: Settings) -> FastAPI:
    """Make the HTTP application."""
    base = open_foundation(settings)
    pipelines = load_catalog(settings)
    prober = VideoProber(
        decode_limits(settings), settings.probe_processes, settings.probe_timeout_s, settings.job_memory_mb
    )
    jobs = JobService(
        base.store,
        base.storage,
        pipelines,
        prober,
        count_frames=prober.count,
        most_retention_s=settings.retention_s,
    )

    def stop() -> None:
        prober.stop()
        base.database.close()

    return create_app(
        jobs,
        pipelines,
        check_ready=lambda: require_head(base.database),
        start=prober.start,
        stop=stop,
        max_upload_bytes=settings.max_upload_bytes,
    )
