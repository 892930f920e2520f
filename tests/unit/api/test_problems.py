"""Every deliberate error a client can meet has an answer of its own."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import Request

from reelwork.api import problems
from reelwork.api.problem_types import BY_STATUS, INTERNAL, PROBLEMS
from reelwork.errors import (
    ConfigurationError,
    JobNotFailed,
    JobNotFound,
    ReelworkError,
    ResultsNotReady,
    ServiceUnavailable,
    StorageFull,
)

JOB_ID = UUID(int=7)


def answered(error: ReelworkError) -> tuple[dict[str, Any], str | None]:
    """Return the problem and its Retry-After."""
    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": [], "server": ("x", 80)}
    answer = problems.answer(Request(scope), error)
    assert answer.media_type == "application/problem+json"
    body = json.loads(bytes(answer.body))
    assert body["status"] == answer.status_code
    return body, answer.headers.get("Retry-After")


@pytest.mark.parametrize(
    ("error", "status", "name", "worth_retrying"),
    [
        (JobNotFound(JOB_ID), 404, "job-not-found", False),
        (JobNotFailed(JOB_ID, "running"), 409, "job-not-failed", False),
        (ResultsNotReady(JOB_ID, "running", None), 404, "results-not-ready", True),
        (ServiceUnavailable("The database does not answer."), 503, "service-unavailable", True),
        (StorageFull("The file storage is full."), 507, "storage-full", True),
    ],
)
def test_answers(error: ReelworkError, status: int, name: str, worth_retrying: bool) -> None:
    body, retry_after = answered(error)
    assert (body["status"], body["type"]) == (status, f"urn:reelwork:problem:{name}")
    assert body["detail"] == str(error)
    assert (retry_after is not None) == worth_retrying


def test_who_retries_a_job_that_has_not_failed_learns_its_status() -> None:
    body, _ = answered(JobNotFailed(JOB_ID, "running"))
    assert body["job_status"] == "running"


def test_what_is_for_the_operator_is_not_told() -> None:
    body, _ = answered(ConfigurationError("/srv/secret cannot be made"))
    assert body["status"] == 500
    assert "secret" not in json.dumps(body)


def test_every_kind_of_problem_is_in_the_tables() -> None:
    """The reference is made from the tables: a kind made elsewhere would be on no page."""
    package = Path(problems.__file__).parent.parent
    made = {path.name: path.read_text().count(" ProblemType(") for path in package.rglob("*.py")}
    kinds = {*PROBLEMS.values(), *BY_STATUS.values(), INTERNAL}
    assert {name: count for name, count in made.items() if count} == {"problem_types.py": len(kinds)}
