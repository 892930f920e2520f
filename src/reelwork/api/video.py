"""The three calls of the contract: submit, status, results; and what is known of a job."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, BinaryIO
from uuid import UUID

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Path, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response, StreamingResponse

from reelwork.api.problems import MEDIA_TYPE
from reelwork.api.schemas import Accepted, JobDetail, Problem, Results, Status, SubmitForm, Tracks
from reelwork.api.uploads import Upload
from reelwork.errors import InvalidOptions, JobNotFound, Mistake
from reelwork.jobs.lifecycle import PROGRESS
from reelwork.jobs.model import Job
from reelwork.jobs.service import JobService, SubmitOptions

_READ_BYTES = 2**18
_POLL_AFTER_S = 1


def _problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem, "content": {MEDIA_TYPE: {}}} for status in statuses}


def _existing_form(job_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    try:
        return UUID(job_id)
    except ValueError:
        raise JobNotFound(job_id) from None


JobId = Annotated[UUID, Depends(_existing_form)]


def video_routes(jobs: JobService, *, max_upload_bytes: int, uploads_at_once: int) -> APIRouter:
    """Return the routes of the contract."""
    router = APIRouter(prefix="/video", tags=["video"])
    # Threads of their own: a slow upload holds one for its whole length, and polls must not wait for it.
    upload_threads = anyio.CapacityLimiter(uploads_at_once)

    @router.post(
        "/submit",
        status_code=202,
        response_model=Accepted,
        responses=_problem_answers(400, 413, 415, 422, 503, 507),
        openapi_extra=_submit_documentation(),
    )
    async def submit(request: Request) -> Response:
        """Accept an MP4. When this answers 202 the job is safe, whatever happens next."""
        query = request.query_params.multi_items()
        await anyio.to_thread.run_sync(jobs.check, _options(query))
        upload = Upload(request, max_upload_bytes)
        job_id = await anyio.to_thread.run_sync(
            partial(jobs.submit, upload.chunks(), lambda: _options([*query, *upload.fields])), limiter=upload_threads
        )
        headers = {"Location": f"/video/status/{job_id}", "Retry-After": str(_POLL_AFTER_S)}
        return JSONResponse({"job_id": str(job_id)}, 202, headers)

    @router.get("/status/{job_id}", response_model=Status, responses=_problem_answers(404, 503))
    def status(job_id: JobId) -> Status:
        """Say where a job stands: pending, running, completed or failed."""
        job = jobs.get(job_id)
        return Status(job_id=job_id, status=job.status, progress=PROGRESS[job.status])

    @router.get("/results/{job_id}", response_model=Results, responses=_problem_answers(404, 503))
    def results(job_id: JobId) -> Response:
        """Return the answer for every analysed frame of a completed job."""
        document = jobs.open_results(job_id)
        size = document.seek(0, 2)
        document.seek(0)
        headers = {"Content-Length": str(size)}
        return StreamingResponse(_read(document), media_type="application/json", headers=headers)

    @router.get("/jobs/{job_id}", response_model=JobDetail, responses=_problem_answers(404, 503))
    def job(job_id: JobId) -> JobDetail:
        """Tell everything about a job but its results."""
        return _detail(jobs.get(job_id))

    @router.get("/jobs/{job_id}/tracks", response_model=Tracks, responses=_problem_answers(404, 422, 503))
    def tracks(job_id: JobId, node: str | None = None) -> Response:
        """Return how long each tracked object was seen, merged from all frames."""
        found = jobs.tracks(job_id, node)
        return StreamingResponse(_listed(job_id, found), media_type="application/json")

    return router


def _listed(job_id: UUID, tracks: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f'{{"job_id":"{job_id}","tracks":['
    for number, track in enumerate(tracks):
        yield (",\n" if number else "\n") + json.dumps(track, ensure_ascii=False)
    yield "\n]}\n"


def _detail(job: Job) -> JobDetail:
    report = job.report or {}
    return JobDetail(
        job_id=job.job_id,
        status=job.status,
        created_at=job.created_at,
        updated_at=job.updated_at,
        attempt=job.attempt,
        error=job.error_message,
        warnings=report.get("warnings", []),
        source=job.source,
        options={name: value for name, value in job.options.items() if value is not None},
        pipeline=job.pipeline_definition,
        provenance=report.get("provenance"),
    )


def _options(given: list[tuple[str, str]]) -> SubmitOptions:
    """Check options from the query and the form together; a field left empty is not given."""
    values = {name: value for name, value in given if value != ""}
    names = [name for name, _ in given]
    mistakes = [Mistake(name, "given more than once") for name in sorted(set(names)) if names.count(name) > 1]
    try:
        form = SubmitForm.model_validate(values)
    except ValidationError as error:
        mistakes += [Mistake(".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        raise InvalidOptions(mistakes) from error
    if mistakes:
        raise InvalidOptions(mistakes)
    return SubmitOptions(form.pipeline, form.frame_stride, form.max_frames)


def _read(document: BinaryIO) -> Iterator[bytes]:
    with document:
        while chunk := document.read(_READ_BYTES):
            yield chunk


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
