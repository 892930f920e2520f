"""Routes that are asked most: nothing is found out anew for each request that was known before."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

Arguments = Callable[[Request], Awaitable[tuple[Any, ...]]]


def direct(arguments: Arguments) -> type[APIRoute]:
    """Return a kind of route that calls its endpoint with the request and with what ``arguments`` makes of it.

    The endpoint's signature goes on to describe the route. It says the same: what the framework would give it.
    """

    class DirectRoute(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] not in (self.methods or ()):
                await super().handle(scope, receive, send)
                return
            request = Request(scope, receive, send)
            response = await self.endpoint(request, *await arguments(request))
            await response(scope, receive, send)

    return DirectRoute
