"""What operators and their machines ask: is it alive, can it work."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse

from reelwork.api.health import Finding, Health, PartStatus
from reelwork.api.parameters import problem_answers
from reelwork.api.schemas import Part, Ready
from reelwork.errors import NotReady

WorkerNeed = Annotated[
    Literal["required"] | None, Query(description="`required`: answer 503 unless a worker was seen lately.")
]


def operations_routes(health: Health) -> APIRouter:
    """Return the routes by which machines look after this one."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", response_class=PlainTextResponse)
    def alive() -> str:
        """Answer as long as the process lives."""
        return "ok\n"

    @router.get("/readyz", response_model=Ready, responses=problem_answers(422, 503))
    def ready(worker: WorkerNeed = None) -> Ready:
        """Answer if a job could be accepted now; 503 with the parts that fail if not.

        Without a worker jobs are accepted all the same, and wait: then the status is `degraded`.
        """
        findings = health.findings()
        failed = {name for name, found in findings.items() if found.status is PartStatus.FAILED}
        if missing := failed - ({"worker"} if worker is None else set()):
            raise NotReady({name: _told(found) for name, found in findings.items()}, sorted(missing))
        parts = {name: Part(status=found.status.value, reason=found.reason) for name, found in findings.items()}
        return Ready(status="degraded" if failed else "ready", parts=parts)

    return router


def _told(finding: Finding) -> dict[str, str]:
    told = {"status": str(finding.status)}
    return told if finding.reason is None else {**told, "reason": finding.reason}
