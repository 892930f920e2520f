"""What operators and their machines ask: is it alive, can it work, what can it run."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from reelwork.api.schemas import Pipeline, Pipelines
from reelwork.pipeline.catalog import PipelineCatalog


def operations_routes(catalog: PipelineCatalog, check_ready: Callable[[], None]) -> APIRouter:
    """Return the routes beside the contract; ``check_ready`` raises when a job could not be accepted."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", response_class=PlainTextResponse)
    def alive() -> str:
        """Answer as long as the process lives."""
        return "ok\n"

    @router.get("/readyz", response_class=PlainTextResponse)
    def ready() -> str:
        """Answer if a job could be accepted now; 503 if not."""
        check_ready()
        return "ready\n"

    @router.get("/pipelines", response_model=Pipelines)
    def pipelines() -> Pipelines:
        """List every pipeline, also those that lack something, with what to do about it."""
        return Pipelines(
            pipelines=[
                Pipeline(
                    name=entry.name,
                    description=entry.description,
                    available=entry.unavailable_because is None,
                    unavailable_because=entry.unavailable_because,
                )
                for entry in catalog.entries()
            ]
        )

    return router
