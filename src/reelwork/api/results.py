"""The results of a job: whole or in part, in several forms, or merged over time."""

import json
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from reelwork.api.access import Reader
from reelwork.api.parameters import JobId, problem_answers
from reelwork.api.pieces import in_pieces
from reelwork.api.results_answer import ResultsAnswer
from reelwork.api.results_query import query_documentation
from reelwork.api.schemas import CocoDataSet, Intervals, Results, Tracks
from reelwork.errors import InvalidOptions, Mistake
from reelwork.jobs.service import JobService
from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.formats import COCO, FORMATS, JSON, Reading, Source
from reelwork.pipeline.reading.merging import intervals


def results_routes(jobs: JobService) -> APIRouter:
    """Return the routes by which answers go out."""
    router = APIRouter()

    @router.head("/results/{job_id}", include_in_schema=False)
    @router.get(
        "/results/{job_id}",
        response_model=Results | CocoDataSet,
        responses=_documented_answers(),
        openapi_extra={"parameters": query_documentation()},
    )
    def results(request: Request, job_id: JobId, caller: Reader) -> Response:
        """Return the answer for every analysed frame of a completed job, or a part of it, or another form."""
        return ResultsAnswer.to(request, jobs, jobs.completed(job_id, caller.sees_only)).response()

    @router.get("/jobs/{job_id}/tracks", response_model=Tracks, responses=problem_answers(404, 422, 503))
    def tracks(job_id: JobId, caller: Reader, node: str | None = None) -> Response:
        """Return how long each tracked object was seen, merged from all frames."""
        return _listed(job_id, "tracks", jobs.tracks(job_id, node, caller.sees_only))

    @router.get("/jobs/{job_id}/intervals", response_model=Intervals, responses=problem_answers(404, 422, 503))
    def merged(job_id: JobId, caller: Reader, node: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006
        """Return from when to when each text, label, code, shot or object was seen, merged from all frames."""
        job = jobs.completed(job_id, caller.sees_only)
        outputs = job.pipeline_definition["outputs"]
        if unknown := [name for name in node if name not in outputs]:
            known = ", ".join(outputs) or "none"
            raise InvalidOptions([Mistake("node", f"no output node: {', '.join(unknown)}; those of this job: {known}")])
        reading = Reading(jobs.open_results_of(job), job_id, Source.of(job.source), Filters(nodes=frozenset(node)))
        return _listed(job_id, "intervals", _closing(reading, intervals(reading.entries())))

    return router


def _documented_answers() -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {
        form.content_type.partition(";")[0]: {"schema": {"type": "string"}}
        for form in FORMATS
        if form not in (JSON, COCO)
    }
    part = {"description": "The bytes asked for", "content": {"application/json": {"schema": {"type": "string"}}}}
    return {
        200: {"content": content},
        206: part,
        304: {"description": "The client has it already"},
        **problem_answers(404, 406, 416, 422, 503),
    }


def _listed(job_id: UUID, name: str, items: Iterator[dict[str, Any]]) -> Response:
    return StreamingResponse(in_pieces(_listing(job_id, name, items)), media_type="application/json")


def _listing(job_id: UUID, name: str, items: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f'{{"job_id":"{job_id}","{name}":['
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + json.dumps(item, ensure_ascii=False)
    yield "\n]}\n"


def _closing(reading: Reading, items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with reading.document:
        yield from items
