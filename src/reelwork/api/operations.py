"""What operators and their machines ask: is it alive, can it work."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from reelwork.api.parameters import problem_answers


def operations_routes(check_ready: Callable[[], None]) -> APIRouter:
    """Return the routes beside the contract; ``check_ready`` raises when a job could not be accepted."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", response_class=PlainTextResponse)
    def alive() -> str:
        """Answer as long as the process lives."""
        return "ok\n"

    @router.get("/readyz", response_class=PlainTextResponse, responses=problem_answers(503))
    def ready() -> str:
        """Answer if a job could be accepted now; 503 if not."""
        check_ready()
        return "ready\n"

    return router
