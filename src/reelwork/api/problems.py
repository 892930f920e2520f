"""Every error as RFC 9457 problem details: one table from error to answer."""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from reelwork import errors
from reelwork.jobs.lifecycle import JobStatus

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem: its status, its stable name and what it is called."""

    status: HTTPStatus
    name: str
    title: str
    registry: str = "urn:reelwork:problem:"

    @property
    def uri(self) -> str:
        """The ``type`` member: stable, to be compared and not fetched."""
        return self.registry + self.name


_IANA = "https://iana.org/assignments/http-problem-types#"
_UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY

PROBLEMS: dict[type[errors.ReelworkError], ProblemType] = {
    errors.JobNotFound: ProblemType(HTTPStatus.NOT_FOUND, "job-not-found", "There is no such job"),
    errors.JobNotFailed: ProblemType(HTTPStatus.CONFLICT, "job-not-failed", "The job has not failed"),
    errors.ResultsNotReady: ProblemType(HTTPStatus.NOT_FOUND, "results-not-ready", "The job has no results"),
    errors.VideoGone: ProblemType(HTTPStatus.NOT_FOUND, "video-gone", "The video is not there any more"),
    errors.FrameNotFound: ProblemType(HTTPStatus.NOT_FOUND, "frame-not-found", "The video has no such frame"),
    errors.FrameNotAnalysed: ProblemType(HTTPStatus.NOT_FOUND, "frame-not-analysed", "The frame was not analysed"),
    errors.NotAcceptable: ProblemType(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", "There is no such form"),
    errors.RangeNotSatisfiable: ProblemType(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "There are no such bytes"
    ),
    errors.InvalidOptions: ProblemType(_UNPROCESSABLE, "invalid-options", "The options are wrong"),
    errors.UnknownPipeline: ProblemType(_UNPROCESSABLE, "unknown-pipeline", "There is no such pipeline"),
    errors.PipelineUnavailable: ProblemType(_UNPROCESSABLE, "pipeline-unavailable", "The pipeline cannot be used here"),
    errors.UploadMalformed: ProblemType(HTTPStatus.BAD_REQUEST, "upload-malformed", "The request cannot be read"),
    errors.UploadEmpty: ProblemType(_UNPROCESSABLE, "upload-empty", "The upload is empty"),
    errors.UploadTooLarge: ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "upload-too-large", "The file is too large"
    ),
    errors.UnsupportedMedia: ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "The upload is not an MP4"
    ),
    errors.IdempotencyKeyReused: ProblemType(
        _UNPROCESSABLE, "idempotency-key-reused", "The key was used for another request"
    ),
    errors.IdempotencyKeyInUse: ProblemType(
        HTTPStatus.CONFLICT, "idempotency-key-in-use", "The request with this key is still arriving"
    ),
    errors.UploadStalled: ProblemType(HTTPStatus.REQUEST_TIMEOUT, "upload-stalled", "No more of the request came"),
    errors.UploadNotFound: ProblemType(HTTPStatus.NOT_FOUND, "upload-not-found", "There is no such upload"),
    errors.UploadInUse: ProblemType(HTTPStatus.CONFLICT, "upload-in-use", "Another request is at this upload"),
    errors.UploadOffsetMismatch: ProblemType(
        HTTPStatus.CONFLICT, "mismatching-upload-offset", "The offset is not that of the upload", _IANA
    ),
    errors.UploadLengthInconsistent: ProblemType(
        HTTPStatus.BAD_REQUEST, "inconsistent-upload-length", "The length of the upload is inconsistent", _IANA
    ),
    errors.UploadCompleted: ProblemType(
        HTTPStatus.BAD_REQUEST, "completed-upload", "The upload is already completed", _IANA
    ),
    errors.VideoUnreadable: ProblemType(_UNPROCESSABLE, "video-unreadable", "The video cannot be decoded"),
    errors.NotReady: ProblemType(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "A part of the service does not work"),
    errors.StorageFull: ProblemType(HTTPStatus.INSUFFICIENT_STORAGE, "storage-full", "There is no room left"),
    errors.ServiceUnavailable: ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE, "service-unavailable", "The service cannot do this now"
    ),
}
INTERNAL = ProblemType(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "The service failed")


def install(app: FastAPI) -> None:
    """Answer every error of the application with problem details."""
    app.add_exception_handler(errors.ReelworkError, _deliberate)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def _deliberate(request: Request, error: Exception) -> Response:
    kind = next((PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS), None)
    if kind is None:
        # Its message is for the operator: it may name paths of this machine.
        log.error("request.failed", exc_info=error, extra={"path": request.url.path})
        return _problem(request, INTERNAL, "The service could not do this. Its log says why.")
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request.failed", exc_info=error, extra={"path": request.url.path})
    retry = _is_worth_retrying(error)
    return _problem(request, kind, str(error), retry=retry, headers=_headers(request, error), **_members(error))


def _members(error: Exception) -> dict[str, Any]:
    match error:
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
        case _:
            return {}


def _entry(mistake: errors.Mistake) -> dict[str, str]:
    option = str(next(iter(mistake.steps), ""))
    return {"option": option, "pointer": mistake.pointer, "detail": _sentence(mistake.message)}


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?")) else ".")


def _headers(request: Request, error: Exception) -> dict[str, str]:
    """Return what stands in the head of an answer beside what is always there."""
    told: dict[str, str] = dict(getattr(request.state, "headers_of_problems", {}))
    match error:
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
    return isinstance(error, errors.ServiceUnavailable | errors.IdempotencyKeyInUse | errors.UploadInUse)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    kind = ProblemType(status, status.phrase.lower().replace(" ", "-"), status.phrase)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return _problem(request, kind, error.detail, headers=headers)


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
    return _deliberate(request, errors.InvalidOptions(mistakes))


def _gone(request: Request, error: Exception) -> Response:
    log.info("request.abandoned", extra={"path": request.url.path})
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it


def _unexpected(request: Request, error: Exception) -> Response:
    return _problem(request, INTERNAL, "The service failed unexpectedly. Its log says why.")


def _problem(
    request: Request,
    kind: ProblemType,
    detail: str,
    *,
    retry: bool = False,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> Response:
    body = {
        "type": kind.uri,
        "title": kind.title,
        "status": int(kind.status),
        "detail": detail,
        "instance": request.url.path,
        **members,
    }
    retry_after = {"Retry-After": str(RETRY_AFTER_S)} if retry else {}
    return JSONResponse(body, kind.status, {**(headers or {}), **retry_after}, MEDIA_TYPE)
