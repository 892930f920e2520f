"""`/readyz` names each part."""

import pytest
from fastapi import FastAPI

from reelwork.api import problems
from reelwork.api.health import Health, PartCheck
from reelwork.api.operations import operations_routes
from reelwork.errors import ServiceUnavailable
from tests.support.asgi import Answer, ask


def ready(*broken: str, query: str = "") -> Answer:
    def part(name: str) -> PartCheck:
        def look() -> None:
            if name in broken:
                raise ServiceUnavailable(f"The {name} is broken.")

        return PartCheck(name, look)

    app = FastAPI()
    problems.install(app)
    health = Health(part("database"), part("storage"), part("worker"))
    app.include_router(operations_routes(health))
    return ask(app, "GET", f"/readyz{query}")


def test_all_is_well() -> None:
    answer = ready()
    assert answer.status == 200
    assert answer.json()["status"] == "ready"
    assert {name: part["status"] for name, part in answer.json()["parts"].items()} == {
        "database": "ok",
        "storage": "ok",
        "worker": "ok",
    }


def test_without_a_worker_jobs_are_accepted() -> None:
    answer = ready("worker")
    assert answer.status == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["parts"]["worker"] == {"status": "failed", "reason": "The worker is broken."}


def test_whoever_needs_a_worker_can_ask_for_one() -> None:
    answer = ready("worker", query="?worker=required")
    assert answer.status == 503
    assert answer.json()["detail"] == "The worker is broken."
    assert ready(query="?worker=required").status == 200
    assert ready(query="?worker=maybe").status == 422


@pytest.mark.parametrize("name", ["database", "storage"])
def test_part_that_jobs_need_fails(name: str) -> None:
    answer = ready(name)
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "retry-after" in answer.headers
    body = answer.json()
    assert body["type"] == "urn:reelwork:problem:not-ready"
    assert body["detail"] == f"The {name} is broken."
    assert body["parts"][name] == {"status": "failed", "reason": f"The {name} is broken."}


def test_without_the_database_nobody_knows_of_workers() -> None:
    assert ready("database").json()["parts"]["worker"]["status"] == "failed"


def test_every_part_that_fails_is_told() -> None:
    assert ready("database", "storage").json()["detail"] == "The database is broken. The storage is broken."
