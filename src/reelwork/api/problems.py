"""Every error as RFC 9457 problem details; the table from error to answer is in ``problem_types``."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match

from reelwork import errors
from reelwork.api.problem_types import BY_STATUS, INTERNAL, PROBLEMS, ProblemType
from reelwork.jobs.lifecycle import JobStatus
from reelwork.logs import current_context

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


def install(app: FastAPI) -> None:
    """Answer every error that a route raises on purpose; see ``unexpected`` for the others."""
    app.add_exception_handler(errors.ReelworkError, answer)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ClientDisconnect, _gone)


def answer(request: Request, error: Exception) -> Response:
    """Answer a deliberate error."""
    kind = next((PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS), None)
    if kind is None:
        # Its message is for the operator: it may name paths of this machine.
        return unexpected(request, error)
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", exc_info=error, extra={"path": request.url.path})
    headers = _headers(request, error)
    return _problem(request.url.path, kind, str(error), headers, _members(error))


def unexpected(request: Request, error: Exception) -> Response:
    """Answer what nobody meant to raise: the log learns all about it, the client nothing."""
    log.error("request.failed", exc_info=error, extra={"path": request.url.path})
    return _problem(request.url.path, INTERNAL, "The service could not do this. Its log says why.")


def document(path: str, kind: ProblemType, detail: str, members: Mapping[str, Any] | None = None) -> bytes:
    """Return the body of a problem."""
    request_id = current_context().get("request_id")
    body = {
        "type": kind.uri,
        "title": kind.title,
        "status": int(kind.status),
        "detail": detail,
        "instance": path,
        **({"request_id": request_id} if request_id else {}),
        **(members or {}),
    }
    # What a client sent may hold half a character, which no UTF-8 has: it is written as an escape.
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def _members(error: Exception) -> dict[str, Any]:
    match error:
        case errors.ScopeMissing():
            return {"scope": error.scope}
        case errors.JobNotFailed():
            return {"job_status": error.status}
        case errors.ResultsNotReady():
            return {"job_status": error.status, "error_message": error.error_message}
        case errors.InvalidOptions():
            return {"errors": [_entry(mistake) for mistake in error.mistakes]}
        case errors.NotAcceptable():
            return {"available": list(error.available)}
        case errors.UnknownPipeline():
            return {"known_pipelines": list(error.known)}
        case errors.NotReady():
            return {"parts": error.parts}
        case errors.UploadTooLarge():
            return {"limit_bytes": error.limit_bytes}
        case errors.UploadOffsetMismatch():
            return {"expected-offset": error.expected, "provided-offset": error.provided}
        case errors.UploadCompleted():
            return {"job_id": str(error.job_id)}
        case errors.KeyLimitReached():
            names = ("queued_jobs", "queued_bytes", "max_queued_jobs", "max_queued_bytes")
            return {name: getattr(error, name) for name in names}
        case _:
            return {}


def _entry(mistake: errors.Mistake) -> dict[str, str]:
    option = str(next(iter(mistake.steps), ""))
    return {"option": option, "pointer": mistake.pointer, "detail": _sentence(mistake.message)}


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?")) else ".")


def _headers(request: Request, error: Exception) -> dict[str, str]:
    """Return what stands in the head of an answer beside what is always there."""
    told: dict[str, str] = dict(getattr(request.state, "headers_of_problems", {}))
    if _is_worth_retrying(error):
        told["Retry-After"] = str(RETRY_AFTER_S)
    match error:
        case errors.KeyMissing():
            told["WWW-Authenticate"] = 'Bearer realm="reelwork"'
        case errors.KeyInvalid():
            told["WWW-Authenticate"] = 'Bearer realm="reelwork", error="invalid_token"'
        case errors.ScopeMissing():
            told["WWW-Authenticate"] = f'Bearer realm="reelwork", error="insufficient_scope", scope="{error.scope}"'
        case errors.RangeNotSatisfiable():
            told["Content-Range"] = f"bytes */{error.size}"
        case errors.UploadTooLarge():
            told["Upload-Limit"] = f"max-size={error.limit_bytes}"
        case errors.UploadOffsetMismatch():
            told["Upload-Offset"] = str(error.expected)
        case errors.UploadCompleted():
            told["Upload-Complete"] = "?1"
            told["Location"] = f"/video/status/{error.job_id}"
    return told


def _is_worth_retrying(error: Exception) -> bool:
    if isinstance(error, errors.ResultsNotReady):
        return error.status in (JobStatus.PENDING, JobStatus.RUNNING)
    passing = errors.ServiceUnavailable | errors.KeyLimitReached | errors.IdempotencyKeyInUse | errors.UploadInUse
    return isinstance(error, passing)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = BY_STATUS.get(HTTPStatus(error.status_code))
    if kind is None:
        return unexpected(request, error)
    headers = dict(error.headers or {})
    if kind.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return _problem(request.url.path, kind, kind.meaning, headers)


def _methods(request: Request) -> list[str]:
    """Return what can be done at the path: the router tells of one route, and several may share it."""
    routes = request.app.routes
    return [
        method
        for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = [errors.Mistake.at(item["loc"][1:], item["msg"]) for item in error.errors()]
    return answer(request, errors.InvalidOptions(mistakes))


def _gone(request: Request, error: Exception) -> Response:
    log.info("request.abandoned", extra={"path": request.url.path})
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it


def _problem(
    path: str,
    kind: ProblemType,
    detail: str,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    return Response(document(path, kind, detail, members), kind.status, headers, MEDIA_TYPE)
