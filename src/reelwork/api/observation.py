"""Every request named, counted, timed and logged."""

import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reelwork.api.metrics import RequestMetrics
from reelwork.logs import about
from reelwork.tracing import describe

log = logging.getLogger("reelwork.api.requests")

# What is asked again and again: when all is well, a line for each would bury the others.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics", "/video/status/{job_id}"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_JOB = re.compile(r"/video/(?:status|results|jobs)/([0-9A-Fa-f-]{32,36})(?:/|$)")
_REQUEST_ID = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_NO_ROUTE = "none"
_NO_ANSWER = 499  # what proxies write for a client that went away


class Observation:
    """Middleware that wraps the application, so that nothing is answered past it.

    A request's name is the client's ``X-Request-Id`` if that is fit to be logged; the answer and the log share it.
    Labels are few: the template of the route, never the path, and the methods there are.
    """

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note what comes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _named(scope)
        seen = _Answer(send, request_id)
        began_at = time.perf_counter()
        self._metrics.in_progress.inc()
        with about(request_id=request_id.decode("ascii"), **_job_at(scope["path"])):
            try:
                await self._app(scope, receive, seen.send)
            except Exception:
                seen.status = seen.status or 500
                raise
            finally:
                self._metrics.in_progress.dec()
                self._note(scope, seen, time.perf_counter() - began_at)

    def _note(self, scope: Scope, seen: "_Answer", took_s: float) -> None:
        route = _template(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        status = seen.status or _NO_ANSWER
        self._metrics.note(route, method, status, took_s)
        describe(**seen.job)
        if route not in _QUIET or status >= 400:
            facts = {"method": method, "route": route, "status": status, "ms": round(took_s * 1000, 1)}
            log.info("request", extra={**facts, "bytes": seen.size, **seen.job})


class _Answer:
    """What of an answer went out."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None
        self.size = 0
        self.job: dict[str, str] = {}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message["headers"]
            for name, value in headers:
                if name == b"location":
                    self.job = _job_at(value.decode("latin-1"))
            message["headers"] = [*headers, (_REQUEST_ID, self._request_id)]
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)


def _named(scope: Scope) -> bytes:
    given = next((value for name, value in scope["headers"] if name == _REQUEST_ID), b"")
    return given if _SANE.fullmatch(given) else secrets.token_hex(8).encode()


def _template(scope: Scope) -> str:
    """Return the path of the route that answers, with the names of what varies."""
    # The route itself knows its path only from the innermost router on.
    whole = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(whole or scope.get("route"), "path", _NO_ROUTE)


def _job_at(path: str) -> dict[str, str]:
    """Return the job that a path names, if it does: known before a route is found, and of new jobs too."""
    named = _JOB.match(path)
    return {} if named is None else {"job_id": named[1].lower()}
