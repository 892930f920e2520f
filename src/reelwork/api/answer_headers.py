"""Headers that every answer carries unless its route says otherwise."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    # No answer of the API is a document that may load or run anything.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_NOT_KEPT = (b"cache-control", b"no-store")
_ASKED_AGAIN = (b"cache-control", b"private, no-cache")


class AnswerHeaders:
    """Keeps browsers from guessing, framing, leaking and caching.

    An answer with an ``ETag`` is meant to be asked for again by it, so that a browser may keep it for that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                names = {name.lower() for name, _ in given}
                caching = _ASKED_AGAIN if b"etag" in names else _NOT_KEPT
                message["headers"] = [*given, *(each for each in (*_ALWAYS, caching) if each[0] not in names)]
            await send(message)

        await self._app(scope, receive, complete)
