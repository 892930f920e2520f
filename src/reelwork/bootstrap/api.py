"""The API's process."""

import logging

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
from reelwork.tracing import provider, start_tracing, stop_tracing
from reelwork.video.prober import VideoProber

log = logging.getLogger(__name__)

_NOT_TRACED = "/healthz,/readyz,/metrics"


def make_api(settings: Settings) -> FastAPI:
    """Make the HTTP application."""
    start_tracing("api")
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
        stop_tracing()
        base.database.close()

    app = create_app(
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
    _trace(app)
    return app


def _trace(app: FastAPI) -> None:
    """Have a span made of each request, if anything is traced."""
    if provider() is None:
        return
    try:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
    except ImportError as error:
        log.warning("tracing.not_installed", extra={"reason": f"{error}; install reelwork[opentelemetry]"})
        return
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider(), excluded_urls=_NOT_TRACED, exclude_spans=["receive", "send"]
    )
