"""What nobody meant to raise becomes a problem like any other, and the connection stays usable."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwork.api import problems


class Unexpected:
    """Answers exceptions that no route and no handler took care of.

    The framework would answer too, but then raise again, and the server close a connection that it had promised to
    keep. Once an answer has begun, breaking off is all that can be done.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await problems.unexpected(Request(scope), error)(scope, receive, send)
