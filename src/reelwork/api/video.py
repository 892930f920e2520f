"""Results, the part of the contract that is asked less; and what else can be done with jobs."""

from fastapi import APIRouter

from reelwork.api.jobs import job_routes
from reelwork.api.media import media_routes
from reelwork.api.results import results_routes
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService


def video_routes(
    jobs: JobService,
    pictures: JobPictures,
    *,
    kept_s: float,
    pictures_at_once: int,
) -> APIRouter:
    """Return the routes below ``/video``."""
    router = APIRouter(prefix="/video", tags=["video"])
    router.include_router(results_routes(jobs))
    router.include_router(job_routes(jobs, kept_s=kept_s))
    router.include_router(media_routes(jobs, pictures, pictures_at_once=pictures_at_once))
    return router
