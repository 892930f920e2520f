"""The API's process."""

from fastapi import FastAPI

from reelwork.api.app import create_app
from reelwork.api.metrics import Sources
from reelwork.bootstrap.foundation import open_foundation
from reelwork.bootstrap.health import make_health
from reelwork.bootstrap.pipelines import decode_limits, load_catalog
from reelwork.bootstrap.webhooks import make_courier
from reelwork.jobs.service import JobService
from reelwork.jobs.statistics import JobStatistics
from reelwork.jobs.worker_table import WorkerTable
from reelwork.settings import Settings
from reelwork.video.prober import VideoProber


def make_api(settings: Settings) -> FastAPI:
    """Make the HTTP application."""
    base = open_foundation(settings)
    prober = VideoProber(decode_limits(settings), settings.probe_processes, settings.probe_timeout_s)
    pipelines = load_catalog(settings)
    courier = make_courier(settings, base.database)

    def start() -> None:
        prober.start()
        if courier is not None:
            courier.start()

    def stop() -> None:
        if courier is not None:
            courier.stop()
        prober.stop()
        base.database.close()

    return create_app(
        JobService(base.store, base.storage, pipelines, prober),
        pipelines,
        health=make_health(base),
        metrics=Sources(
            JobStatistics(base.database),
            WorkerTable(base.database),
            lambda: {} if courier is None else courier.outcomes,
        ),
        start=start,
        stop=stop,
        max_upload_bytes=settings.max_upload_bytes,
    )
