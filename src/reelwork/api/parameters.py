"""What routes have in common: the job in the path, and the problems they may answer."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path

from reelwork.api.problems import MEDIA_TYPE
from reelwork.api.schemas import Problem
from reelwork.errors import JobNotFound

POLL_AFTER_S = 1
"""When to ask again for the status of a job that is not over."""


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares of the problems it may answer."""
    return {status: {"model": Problem, "content": {MEDIA_TYPE: {}}} for status in statuses}


def _existing_form(job_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    try:
        return UUID(job_id)
    except ValueError:
        raise JobNotFound(job_id) from None


JobId = Annotated[UUID, Depends(_existing_form)]
