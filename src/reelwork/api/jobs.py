"""What is known of jobs, and what can be done with them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from reelwork.api.access import Reader, Submitter
from reelwork.api.cursor import read_cursor, write_cursor
from reelwork.api.job_detail import job_detail, job_entry
from reelwork.api.job_schemas import JobDetail, JobQuery, Jobs
from reelwork.api.pages import link_to_next
from reelwork.api.parameters import POLL_AFTER_S, JobId, problem_answers
from reelwork.api.schemas import Accepted
from reelwork.jobs.listing import JobFilter
from reelwork.jobs.service import JobService


def job_routes(jobs: JobService, *, kept_s: float) -> APIRouter:
    """Return the routes below ``/video/jobs``; ``kept_s`` is how long jobs that do not say are kept, 0 for ever."""
    router = APIRouter()

    @router.get("/jobs", response_model=Jobs, responses=problem_answers(422, 503))
    def page(request: Request, response: Response, query: Annotated[JobQuery, Query()], caller: Reader) -> Jobs:
        """List jobs, the newest first."""
        asked = JobFilter(query.status, query.pipeline, query.tag, query.external_id)
        after = read_cursor(query.cursor, asked) if query.cursor is not None else None
        found = jobs.page(asked, query.limit, after, caller.sees_only)
        cursor = write_cursor(found.next, asked) if found.next is not None else None
        if cursor is not None:
            response.headers["Link"] = link_to_next(request.url.path, request.query_params.multi_items(), cursor)
        return Jobs(jobs=[job_entry(job, kept_s) for job in found.jobs], next_cursor=cursor)

    @router.get("/jobs/{job_id}", response_model=JobDetail, responses=problem_answers(404, 503))
    def job(job_id: JobId, caller: Reader) -> JobDetail:
        """Tell everything about a job but its results."""
        found = jobs.get(job_id, caller.sees_only)
        return job_detail(found, jobs.tags_of(found), kept_s)

    @router.post(
        "/jobs/{job_id}/retry", status_code=202, response_model=Accepted, responses=problem_answers(404, 409, 503, 507)
    )
    def retry(job_id: JobId, caller: Submitter) -> Response:
        """Run a failed job again, with all its attempts."""
        jobs.retry(job_id, caller.sees_only)
        headers = {"Location": f"/video/status/{job_id}", "Retry-After": str(POLL_AFTER_S)}
        return JSONResponse({"job_id": str(job_id)}, 202, headers)

    @router.delete("/jobs/{job_id}", status_code=204, responses=problem_answers(404, 503))
    def delete(job_id: JobId, caller: Submitter) -> None:
        """Remove a job, its video and its results, whatever its status; a worker that runs it gives up."""
        jobs.delete(job_id, caller.sees_only)

    return router
