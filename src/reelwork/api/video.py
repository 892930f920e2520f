"""The contract: submit, status, results; and beside it what else can be done with jobs."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from reelwork.api.access import Reader
from reelwork.api.conditional import is_unchanged, strong_tag
from reelwork.api.jobs import job_routes
from reelwork.api.media import media_routes
from reelwork.api.parameters import POLL_AFTER_S, JobId, problem_answers
from reelwork.api.results import results_routes
from reelwork.api.schemas import Status
from reelwork.api.submit import submit_routes
from reelwork.jobs.lifecycle import PROGRESS, JobStatus
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService
from reelwork.uploads.uploads import Uploads


def video_routes(
    jobs: JobService,
    pictures: JobPictures,
    uploads: Uploads,
    *,
    kept_s: float,
    uploads_at_once: int,
    pictures_at_once: int,
) -> APIRouter:
    """Return the routes below ``/video``."""
    router = APIRouter(prefix="/video", tags=["video"])
    router.include_router(submit_routes(jobs, uploads, uploads_at_once=uploads_at_once))

    answers = {304: {"description": "Nothing has happened since"}, **problem_answers(404, 503)}

    @router.get("/status/{job_id}", response_model=Status, responses=answers)
    def status(request: Request, job_id: JobId, caller: Reader) -> Response:
        """Say where a job stands: pending, running, completed or failed."""
        job = jobs.get(job_id, caller.sees_only)
        tag = strong_tag(job.status, job.updated_at)
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if job.status in (JobStatus.PENDING, JobStatus.RUNNING):
            headers["Retry-After"] = str(POLL_AFTER_S)
        if is_unchanged(request.headers, tag):
            return Response(status_code=304, headers=headers)
        body = {"job_id": str(job_id), "status": job.status, "progress": PROGRESS[job.status]}
        return JSONResponse(body, headers=headers)

    router.include_router(results_routes(jobs))
    router.include_router(job_routes(jobs, kept_s=kept_s))
    router.include_router(media_routes(jobs, pictures, pictures_at_once=pictures_at_once))
    return router
