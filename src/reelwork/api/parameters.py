"""What routes have in common: the job in the path, and the problems they may answer."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path

from reelwork.api.problem_types import BY_STATUS, PROBLEMS
from reelwork.api.problems import MEDIA_TYPE
from reelwork.errors import JobNotFound

POLL_AFTER_S = 1
"""When to ask again for the status of a job that is not over."""
_SAY_WHEN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE)


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares of the problems it may answer."""
    return {status: _problem_answer(HTTPStatus(status)) for status in statuses}


def _problem_answer(status: HTTPStatus) -> dict[str, Any]:
    kinds = [kind for kind in (*PROBLEMS.values(), *BY_STATUS.values()) if kind.status == status]
    answer: dict[str, Any] = {
        "description": "; or: ".join(f"{kind.title} (`{kind.name}`)" for kind in kinds) or status.phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in _SAY_WHEN:
        answer["headers"] = {"Retry-After": {"required": True, "schema": {"type": "string"}}}
    return answer


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter that is given: neither a query nor a form knows null."""
    about = {part: value for part, value in schema.items() if part not in ("anyOf", "title") and value is not None}
    return {**next((kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}), {}), **about}


# Async, so that it is run where it stands and not handed to a thread.
async def existing_form(job_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    """Return the id of a job; what has not the form of one is the id of none."""
    try:
        return UUID(job_id)
    except ValueError:
        raise JobNotFound(job_id) from None


JobId = Annotated[UUID, Depends(existing_form)]
