"""`POST /video/submit`: accept an MP4."""

from functools import partial
from typing import Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from reelwork.api.access import Submitter
from reelwork.api.options import read_options
from reelwork.api.parameters import POLL_AFTER_S, problem_answers
from reelwork.api.schemas import Accepted, DryRun
from reelwork.api.submit_form import SubmitForm
from reelwork.api.uploads import Upload
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.service import JobService


def submit_routes(jobs: JobService, *, max_upload_bytes: int, uploads_at_once: int) -> APIRouter:
    """Return the routes by which a video comes in."""
    router = APIRouter()
    # Threads of their own: a slow upload holds one for its whole length, and polls must not wait for it.
    upload_threads = anyio.CapacityLimiter(uploads_at_once)

    @router.post(
        "/submit",
        status_code=202,
        response_model=Accepted,
        responses={200: {"model": DryRun}, **problem_answers(400, 413, 415, 422, 503, 507)},
        openapi_extra=_submit_documentation(),
    )
    async def submit(request: Request, caller: Submitter) -> Response:
        """Accept an MP4. When this answers 202 the job is safe, whatever happens next."""
        query = request.query_params.multi_items()
        upload = Upload(request, max_upload_bytes)
        await anyio.to_thread.run_sync(partial(read_options, query, jobs.check, complete=not upload.is_form))

        def options() -> SubmitOptions:
            return read_options([*query, *upload.fields], jobs.check)

        job_id = await anyio.to_thread.run_sync(
            partial(jobs.submit, upload.chunks(), options, caller.key_id), limiter=upload_threads
        )
        headers = {"Location": f"/video/status/{job_id}", "Retry-After": str(POLL_AFTER_S)}
        return JSONResponse({"job_id": str(job_id)}, 202, headers)

    return router


def _submit_documentation() -> dict[str, Any]:
    options = SubmitForm.model_json_schema()["properties"]
    file = {"type": "string", "format": "binary", "description": "The MP4."}
    form = {"type": "object", "required": ["file"], "properties": {"file": file, **options}}
    return {
        "parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in options.items()],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": form}, "video/mp4": {"schema": file}},
        },
    }
