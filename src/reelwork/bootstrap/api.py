"""The API's process."""

import logging

from fastapi import FastAPI

from reelwork.access.keyring import Keyring
from reelwork.access.store import KeyStore
from reelwork.api.app import create_app
from reelwork.api.catalog import ServiceLimits
from reelwork.api.metrics import Sources
from reelwork.bootstrap.access import require_key
from reelwork.bootstrap.foundation import open_foundation
from reelwork.bootstrap.health import make_health
from reelwork.bootstrap.pipelines import decode_limits, load_catalog
from reelwork.bootstrap.uploads import make_uploads
from reelwork.bootstrap.webhooks import make_courier, webhook_url_check
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService
from reelwork.jobs.statistics import JobStatistics
from reelwork.jobs.worker_table import WorkerTable
from reelwork.settings import Settings
from reelwork.tracing import provider, start_tracing, stop_tracing
from reelwork.video.pictures import PictureMaker
from reelwork.video.prober import VideoProber

log = logging.getLogger(__name__)

_NOT_TRACED = "/healthz,/readyz,/metrics"


def make_api(settings: Settings) -> FastAPI:
    """Make the HTTP application.

    Raises:
        ConfigurationError: It asks for API keys, and there is none; or the foundation cannot be opened.
    """
    start_tracing("api")
    base = open_foundation(settings)
    require_key(settings, base.database)
    catalog = load_catalog(settings)
    of_children = (settings.probe_processes, settings.probe_timeout_s, settings.job_memory_mb)
    prober = VideoProber(decode_limits(settings), *of_children)
    picture_maker = PictureMaker(decode_limits(settings), *of_children)
    jobs = JobService(
        base.store,
        base.storage,
        catalog,
        prober,
        count_frames=prober.count,
        most_retention_s=settings.retention_s,
        why_not_told=webhook_url_check(settings),
    )
    courier = make_courier(settings, base.database)

    def start() -> None:
        prober.start()
        if courier is not None:
            courier.start()

    def stop() -> None:
        if courier is not None:
            courier.stop()
        prober.stop()
        picture_maker.stop()
        stop_tracing()
        base.database.close()

    app = create_app(
        jobs,
        JobPictures(base.storage, picture_maker),
        make_uploads(base, jobs, settings),
        catalog,
        ServiceLimits(settings.max_upload_bytes, settings.max_pixels, settings.retention_s),
        health=make_health(base),
        metrics=Sources(
            JobStatistics(base.database),
            WorkerTable(base.database),
            lambda: {} if courier is None else courier.outcomes,
        ),
        start=start,
        stop=stop,
        keyring=Keyring(KeyStore(base.database)) if settings.asks_for_keys else None,
        cors_origins=settings.cors_origins.split(),
        upload_idle_s=settings.upload_idle_s,
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
