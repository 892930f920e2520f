"""The HTTP application, put together from the services it is given."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from reelwork import __version__
from reelwork.api import problems, rehearsal
from reelwork.api.catalog import ServiceLimits, catalog_routes
from reelwork.api.health import Health
from reelwork.api.metrics import RequestMetrics, Sources, metrics_routes
from reelwork.api.observation import Observation
from reelwork.api.operations import operations_routes
from reelwork.api.page import page_routes
from reelwork.api.video import video_routes
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.uploads.uploads import Uploads

_UPLOADS_AT_ONCE = 64
_PICTURES_AT_ONCE = 8


def create_app(
    jobs: JobService,
    pictures: JobPictures,
    uploads: Uploads,
    catalog: PipelineCatalog,
    limits: ServiceLimits,
    *,
    health: Health,
    metrics: Sources,
    start: Callable[[], None],
    stop: Callable[[], None],
) -> FastAPI:
    """Make the application.

    Args:
        jobs: What it does.
        pictures: Shows frames of their videos.
        uploads: How videos come in.
        catalog: The pipelines it offers.
        limits: How much it takes.
        health: Says whether the parts it stands on work.
        metrics: Where the numbers come from that are not of its requests.
        start: Called before the first request.
        stop: Called after the last.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(start)
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(stop)

    app = FastAPI(
        title="Reelwork",
        version=__version__,
        description="Submit an MP4, poll its status, fetch an answer for every analysed frame.",
        lifespan=lifespan,
        # FastAPI's own pages load their scripts from elsewhere; /openapi.json is there for any viewer.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    rehearsal.install(app)
    app.include_router(
        video_routes(
            jobs,
            pictures,
            uploads,
            kept_s=limits.retention_s,
            uploads_at_once=_UPLOADS_AT_ONCE,
            pictures_at_once=_PICTURES_AT_ONCE,
        )
    )
    app.include_router(catalog_routes(catalog, limits))
    app.include_router(operations_routes(health))
    registry = CollectorRegistry()
    app.include_router(metrics_routes(registry, metrics))
    app.include_router(page_routes())
    # The last one added is the first to see a request.
    app.add_middleware(Observation, metrics=RequestMetrics(registry))
    return app
