"""A name for every request, which the client, the answer and the log share."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwork.logs import about

_HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestIds:
    """Takes the client's ``X-Request-Id`` if it is fit to be logged, or makes one; answers carry it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _HEADER), b"")
        request_id = given if _SANE.fullmatch(given) else secrets.token_hex(8).encode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (_HEADER, request_id)]
            await send(message)

        with about(request_id=request_id.decode("ascii")):
            await self._app(scope, receive, named)
