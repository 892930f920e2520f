"""The results of a job, whole or merged."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from reelwork.api.access import Reader
from reelwork.api.parameters import JobId, problem_answers
from reelwork.api.schemas import Results, Tracks
from reelwork.jobs.service import JobService

_READ_BYTES = 2**18


def results_routes(jobs: JobService) -> APIRouter:
    """Return the routes by which answers go out."""
    router = APIRouter()

    @router.get("/results/{job_id}", response_model=Results, responses=problem_answers(404, 503))
    def results(job_id: JobId, caller: Reader) -> Response:
        """Return the answer for every analysed frame of a completed job."""
        document = jobs.open_results(job_id, caller.sees_only)
        size = document.seek(0, 2)
        document.seek(0)
        headers = {"Content-Length": str(size)}
        return StreamingResponse(_read(document), media_type="application/json", headers=headers)

    @router.get("/jobs/{job_id}/tracks", response_model=Tracks, responses=problem_answers(404, 422, 503))
    def tracks(job_id: JobId, caller: Reader, node: str | None = None) -> Response:
        """Return how long each tracked object was seen, merged from all frames."""
        found = jobs.tracks(job_id, node, caller.sees_only)
        return StreamingResponse(_listed(job_id, found), media_type="application/json")

    return router


def _listed(job_id: UUID, tracks: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f'{{"job_id":"{job_id}","tracks":['
    for number, track in enumerate(tracks):
        yield (",\n" if number else "\n") + json.dumps(track, ensure_ascii=False)
    yield "\n]}\n"


def _read(document: BinaryIO) -> Iterator[bytes]:
    with document:
        while chunk := document.read(_READ_BYTES):
            yield chunk
