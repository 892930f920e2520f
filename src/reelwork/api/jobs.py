"""What is known of jobs, and what can be done with them."""

from fastapi import APIRouter

from reelwork.api.access import Reader
from reelwork.api.parameters import JobId, problem_answers
from reelwork.api.schemas import JobDetail
from reelwork.jobs.model import Job
from reelwork.jobs.service import JobService


def job_routes(jobs: JobService) -> APIRouter:
    """Return the routes below ``/video/jobs``."""
    router = APIRouter()

    @router.get("/jobs/{job_id}", response_model=JobDetail, responses=problem_answers(404, 503))
    def job(job_id: JobId, caller: Reader) -> JobDetail:
        """Tell everything about a job but its results."""
        return _detail(jobs.get(job_id, caller.sees_only))

    return router


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
