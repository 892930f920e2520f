"""Nobody comes past here without an API key, where keys are asked for."""

import anyio.to_thread
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from reelwork.access.caller import ANYBODY, Caller
from reelwork.access.keyring import Keyring
from reelwork.api import problems
from reelwork.errors import KeyMissing, ReelworkError

_BEARER = b"bearer "


def is_open(path: str) -> bool:
    """Say whether a path is for everybody: what tells machines that the service lives, the page, the description."""
    return path in ("/", "/healthz", "/readyz", "/openapi.json") or path.startswith("/assets/")


class Gate:
    """Says who calls, in ``request.state.caller``. What is not open is closed, also if there is no such route."""

    def __init__(self, app: ASGIApp, keyring: Keyring | None) -> None:
        """Take the keys; None where nobody is asked for one."""
        self._app = app
        self._keyring = keyring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and (self._keyring is None or not is_open(scope["path"])):
            try:
                caller = ANYBODY if self._keyring is None else await _caller(self._keyring, scope)
            except ReelworkError as error:
                await problems.answer(Request(scope), error)(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


async def _caller(keyring: Keyring, scope: Scope) -> Caller:
    shown = _shown(scope)
    # Looked up in this thread: most often nobody has to be asked.
    caller = keyring.remembered(shown)
    return caller if caller is not None else await anyio.to_thread.run_sync(keyring.ask, shown)


def _shown(scope: Scope) -> str:
    headers = dict(scope["headers"])
    authorization: bytes = headers.get(b"authorization", b"")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip().decode("latin-1")
    # Whoever stands before the service may have a use of its own for the former.
    key: bytes = headers.get(b"x-api-key", b"")
    if not key:
        raise KeyMissing
    return key.decode("latin-1")
