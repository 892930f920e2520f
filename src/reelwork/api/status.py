"""Where a job stands: the route that is asked most, so that it does nothing twice."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from reelwork.access.caller import Caller
from reelwork.api.access import Reader, reading
from reelwork.api.conditional import is_unchanged
from reelwork.api.direct import direct
from reelwork.api.parameters import POLL_AFTER_S, JobId, existing_form, problem_answers
from reelwork.api.schemas import Status
from reelwork.api.standings import Standings
from reelwork.jobs.lifecycle import PROGRESS, JobStatus
from reelwork.jobs.service import JobService

_ANSWERS = {304: {"description": "Nothing has happened since"}, **problem_answers(404, 503)}


async def _arguments(request: Request) -> tuple[UUID, Caller]:
    caller = await reading(request)
    return await existing_form(request.path_params["job_id"]), caller


def add_status_route(router: APIRouter, jobs: JobService) -> None:
    """Add the route by which clients poll: to the router that is asked first, for one within another costs more."""
    standings = Standings(jobs.standings, jobs.standing_now)

    async def status(request: Request, job_id: JobId, caller: Reader) -> Response:
        """Say where a job stands: pending, running, completed or failed."""
        job = await standings.of(job_id, caller.sees_only)
        tag = f'"{job.status}-{job.updated_at.timestamp():.6f}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if job.status in (JobStatus.PENDING, JobStatus.RUNNING):
            headers["Retry-After"] = str(POLL_AFTER_S)
        if is_unchanged(request.headers, tag):
            return Response(status_code=304, headers=headers)
        body = f'{{"job_id":"{job_id}","status":"{job.status}","progress":{PROGRESS[job.status]}}}'
        return Response(body, headers=headers, media_type="application/json")

    router.add_api_route(
        "/video/status/{job_id}",
        status,
        methods=["GET"],
        tags=["video"],
        response_model=Status,
        responses=_ANSWERS,
        route_class_override=direct(_arguments),
    )
