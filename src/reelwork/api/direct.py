"""Routes that are asked most: nothing is found out anew for each request that was known before."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

Arguments = Callable[[Request], Awaitable[tuple[Any, ...]]]


def direct(arguments: Arguments) -> type[APIRoute]:
    """Return a kind of route that calls its endpoint with the request and with what ``arguments`` makes of it.

    The endpoint's signature goes on to describe the route. It says the same: what the framework would give it.
    """

    class DirectRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            endpoint: Any = self.endpoint

            async def handle(request: Request) -> Response:
                response: Response = await endpoint(request, *await arguments(request))
                return response

            return handle

    return DirectRoute
