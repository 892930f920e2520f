"""The HTTP application, put together from the services it is given."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from reelwork import __version__
from reelwork.access.keyring import Keyring
from reelwork.api import problems, rehearsal
from reelwork.api.answer_headers import AnswerHeaders
from reelwork.api.bodies import Bodies
from reelwork.api.catalog import ServiceLimits, catalog_routes
from reelwork.api.description import describe
from reelwork.api.gate import Gate
from reelwork.api.health import Health
from reelwork.api.metrics import RequestMetrics, Sources, metrics_routes
from reelwork.api.observation import Observation
from reelwork.api.operations import operations_routes
from reelwork.api.page import page_routes
from reelwork.api.status import add_status_route
from reelwork.api.submit import add_submit_routes
from reelwork.api.unexpected import Unexpected
from reelwork.api.video import video_routes
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.uploads.uploads import Uploads

_UPLOADS_AT_ONCE = 64
_PICTURES_AT_ONCE = 8
_CORS_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
_CORS_EXPOSED = (
    "Content-Range",
    "ETag",
    "Idempotency-Key",
    "Link",
    "Location",
    "Retry-After",
    "Upload-Complete",
    "Upload-Limit",
    "Upload-Offset",
    "X-Request-Id",
)


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
    keyring: Keyring | None = None,
    cors_origins: Sequence[str] = (),
    upload_idle_s: float = 60.0,
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
        keyring: Tells callers by their API keys; None where nobody is asked for one.
        cors_origins: Whose pages may call from a browser.
        upload_idle_s: How long to wait for the next piece of a body.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(start)
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(stop)

    registry = CollectorRegistry()
    app = FastAPI(
        title="Reelwork",
        version=__version__,
        description="Submit an MP4, poll its status, fetch an answer for every analysed frame.",
        lifespan=lifespan,
        # FastAPI's own pages load their scripts from elsewhere; /openapi.json is there for any viewer.
        docs_url=None,
        redoc_url=None,
        # Where there is nothing, there is nothing: a redirect would make an upload come twice.
        redirect_slashes=False,
        # Traced and counted by the middleware below; the framework would look for a tracer at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        middleware=_around(keyring, RequestMetrics(registry), cors_origins, upload_idle_s),
    )
    problems.install(app)
    rehearsal.install(app)
    add_status_route(app.router, jobs)
    add_submit_routes(app.router, jobs, uploads, uploads_at_once=_UPLOADS_AT_ONCE)
    app.include_router(
        video_routes(
            jobs,
            pictures,
            kept_s=limits.retention_s,
            pictures_at_once=_PICTURES_AT_ONCE,
        )
    )
    app.include_router(catalog_routes(catalog, limits))
    app.include_router(operations_routes(health))
    app.include_router(metrics_routes(registry, metrics))
    app.include_router(page_routes())
    describe(app, catalog, asks_for_keys=keyring is not None)
    return app


def _around(
    keyring: Keyring | None, metrics: RequestMetrics, cors_origins: Sequence[str], upload_idle_s: float
) -> list[Middleware]:
    """Return what lies around the routes, from the outside to the inside."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=cors_origins,
        allow_methods=_CORS_METHODS,
        allow_headers=["*"],
        expose_headers=_CORS_EXPOSED,
    )
    return [
        Middleware(Bodies, idle_s=upload_idle_s),
        Middleware(Observation, metrics=metrics),
        Middleware(AnswerHeaders),
        *([cors] if cors_origins else []),
        Middleware(Unexpected),
        Middleware(Gate, keyring=keyring),
    ]
