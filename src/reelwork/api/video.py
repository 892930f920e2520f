"""The contract but for the status: submit and results; and beside it what else can be done with jobs."""

from fastapi import APIRouter

from reelwork.api.jobs import job_routes
from reelwork.api.media import media_routes
from reelwork.api.results import results_routes
from reelwork.api.submit import submit_routes
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
    router.include_router(results_routes(jobs))
    router.include_router(job_routes(jobs, kept_s=kept_s))
    router.include_router(media_routes(jobs, pictures, pictures_at_once=pictures_at_once))
    return router
