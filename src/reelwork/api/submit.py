"""`POST /video/submit`: accept an MP4, in one request or as the first of several."""

from functools import partial
from typing import Any
from uuid import UUID

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from reelwork.access.caller import Caller
from reelwork.api.access import Submitter, submitting
from reelwork.api.direct import direct
from reelwork.api.options import read_options
from reelwork.api.parameters import POLL_AFTER_S, problem_answers, without_null
from reelwork.api.resumable import UploadRoutes
from reelwork.api.schemas import Accepted, DryRun
from reelwork.api.submit_form import SubmitForm
from reelwork.api.uploads import headers
from reelwork.api.uploads.body import beginning_of_file, checked, file_of, require_room
from reelwork.api.uploads.documentation import documented
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.service import JobService
from reelwork.uploads.uploads import Uploads


async def _arguments(request: Request) -> tuple[Caller]:
    return (await submitting(request),)


def add_submit_routes(router: APIRouter, jobs: JobService, uploads: Uploads, *, uploads_at_once: int) -> None:
    """Add the routes by which a video comes in; see ``add_status_route``."""
    # Threads of their own: a slow upload holds one for its whole length, and polls must not wait for it.
    threads = anyio.CapacityLimiter(uploads_at_once)
    in_several = UploadRoutes(uploads, partial(read_options, check=jobs.check), threads, accepted)

    async def submit(request: Request, caller: Submitter) -> Response:
        """Accept an MP4. When this answers 202 the job is safe, whatever happens next."""
        completes = headers.upload_complete(request)
        headers.upload_length(request)  # to be right, also where nothing depends on it
        if caller.key_id is not None:  # nobody else has a limit, and a change of thread has its price
            await anyio.to_thread.run_sync(jobs.require_room, caller.key_id)
        if completes is False:
            body = beginning_of_file(request)
            await anyio.to_thread.run_sync(read_options, request.query_params.multi_items(), jobs.check)
            return await in_several.begin(request, caller, body)
        return accepted(await _submitted(request, caller), completes)

    router.add_api_route(
        "/video/submit",
        submit,
        methods=["POST"],
        tags=["video"],
        status_code=202,
        response_model=Accepted,
        responses={
            200: {"model": DryRun},
            201: {"description": "An upload in several requests has begun"},
            **problem_answers(400, 408, 409, 413, 415, 422, 429, 503, 507),
        },
        openapi_extra=_submit_documentation(uploads.max_bytes),
        route_class_override=direct(_arguments),
    )

    async def _submitted(request: Request, caller: Caller) -> UUID:
        query, key = request.query_params.multi_items(), headers.idempotency_key(request)
        body = file_of(request)
        early = partial(read_options, query, jobs.check, complete=not body.is_form)
        if any(name == "params" for name, _ in query):
            asked = await anyio.to_thread.run_sync(early)  # to check them against the pipeline may take a while
        else:
            asked = early()
        require_room(request, body, uploads.max_bytes)

        def options() -> SubmitOptions:
            # Browsers send the fields that nobody filled in too.
            fields = [(name, value) for name, value in body.fields if value]
            return read_options([*query, *fields], jobs.check) if fields else asked

        async with body:
            chunks = checked(body.chunks(), uploads.max_bytes)
            submit = partial(uploads.once.submit, chunks, options, caller.key_id, key)
            return await anyio.to_thread.run_sync(submit, limiter=threads)

    within = APIRouter(prefix="/video", tags=["video"])
    in_several.add_to(within)
    router.include_router(within)


def accepted(job_id: UUID, completes_upload: bool | None = None) -> Response:
    """Return the answer to whatever made a job."""
    told = {"Location": f"/video/status/{job_id}", "Retry-After": str(POLL_AFTER_S)}
    if completes_upload:
        told["Upload-Complete"] = "?1"
    return JSONResponse({"job_id": str(job_id)}, 202, told)


def _submit_documentation(max_bytes: int) -> dict[str, Any]:
    options = {name: without_null(schema) for name, schema in SubmitForm.model_json_schema()["properties"].items()}
    file = {"type": "string", "format": "binary", "description": "The MP4."}
    about = "The file, and options before or behind it. Each is given once, here or in the query; empty ones are not."
    form = {
        "type": "object",
        "description": about,
        "required": ["file"],
        "properties": {"file": file, **{name: _or_empty(schema) for name, schema in options.items()}},
        "additionalProperties": False,
    }
    return {
        "parameters": [
            *({"name": name, "in": "query", "schema": schema} for name, schema in options.items()),
            *documented("Idempotency-Key", "Upload-Complete", "Upload-Length", max_bytes=max_bytes),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form, "encoding": {"file": {"contentType": "video/mp4"}}},
                "video/mp4": {"schema": file},
            },
        },
    }


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow what browsers send of a field that nobody filled in."""
    if schema["type"] == "array":
        return {**schema, "items": _or_empty(schema["items"])}
    told = {part: value for part, value in schema.items() if part in ("description", "default")}
    return {**told, "anyOf": [{part: value for part, value in schema.items() if part not in told}, {"const": ""}]}
