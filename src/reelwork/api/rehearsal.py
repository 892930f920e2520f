"""The answer to a dry run, wherever a submit turns out to be one."""

from dataclasses import asdict

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from reelwork.api.schemas import DryRun
from reelwork.jobs.rehearsal import Plan, Rehearsed


def install(app: FastAPI) -> None:
    """Answer dry runs."""
    app.add_exception_handler(Rehearsed, _answer)


def _answer(request: Request, rehearsed: Exception) -> Response:
    assert isinstance(rehearsed, Rehearsed)
    return JSONResponse(_told(rehearsed.plan).model_dump(mode="json"))


def _told(plan: Plan) -> DryRun:
    asked = asdict(plan.options)
    del asked["dry_run"], asked["params"]
    return DryRun(
        pipeline=asked.pop("pipeline"),
        source=plan.source,
        frames_in_video=plan.frames_in_video,
        frames_to_analyse=plan.frames_to_analyse,
        estimated_s=plan.estimated_s,
        estimated_from=plan.estimated_from,
        definition=plan.definition,
        options=asked.pop("sampling"),
        warnings=list(plan.warnings),
        **asked,
    )
