"""The contract: submit, status, results; and beside it what else can be done with jobs."""

from fastapi import APIRouter

from reelwork.api.access import Reader
from reelwork.api.jobs import job_routes
from reelwork.api.media import media_routes
from reelwork.api.parameters import JobId, problem_answers
from reelwork.api.results import results_routes
from reelwork.api.schemas import Status
from reelwork.api.submit import submit_routes
from reelwork.jobs.lifecycle import PROGRESS
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService


def video_routes(
    jobs: JobService,
    pictures: JobPictures,
    *,
    max_upload_bytes: int,
    kept_s: float,
    uploads_at_once: int,
    pictures_at_once: int,
) -> APIRouter:
    """Return the routes below ``/video``."""
    router = APIRouter(prefix="/video", tags=["video"])
    router.include_router(submit_routes(jobs, max_upload_bytes=max_upload_bytes, uploads_at_once=uploads_at_once))

    @router.get("/status/{job_id}", response_model=Status, responses=problem_answers(404, 503))
    def status(job_id: JobId, caller: Reader) -> Status:
        """Say where a job stands: pending, running, completed or failed."""
        job = jobs.get(job_id, caller.sees_only)
        return Status(job_id=job_id, status=job.status, progress=PROGRESS[job.status])

    router.include_router(results_routes(jobs))
    router.include_router(job_routes(jobs, kept_s=kept_s))
    router.include_router(media_routes(jobs, pictures, pictures_at_once=pictures_at_once))
    return router
