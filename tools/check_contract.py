"""Check that the service is the one that was promised; `python -m tools.check_contract`.

This looks at the application as it is put together, asks it about a job of each status, and looks at the tables as
the migrations make them: in whatever way a route or a column came in, it is seen here. It is a command and not a
test only, so that a release manager is told in sentences what has changed and what to do about it.

The whole OpenAPI document is kept in ``docs/reference/openapi.json``. When the application's differs, the check fails
until the file is renewed (``make openapi``, that is ``--renew``) *and* CHANGELOG.md tells of it: the line about the
last change of the API ends in a comment with the digest of the document. Whoever changes the API writes a line and
moves the comment there. Git is not asked, so that the rule holds in a source archive too; that the line says what
changed is for a reviewer to see.
"""

import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from reelwork.access.caller import Scope
from reelwork.access.store import KeyStore
from reelwork.bootstrap.api import make_api
from reelwork.bootstrap.foundation import open_migrated
from reelwork.db.engine import Database
from reelwork.db.types import database_now
from reelwork.jobs.lifecycle import PROGRESS, JobStatus
from reelwork.jobs.model import Job
from reelwork.settings import Settings
from tools.report import report
from tools.tree import ROOT

Schema = Mapping[str, Any]

SNAPSHOT = "docs/reference/openapi.json"
CHANGELOG = "CHANGELOG.md"
PAGE = "src/reelwork/api/static"
_MARK = re.compile(r"^- .+ <!-- openapi ([0-9a-f]+) -->$", re.MULTILINE)
_EVENT_STREAM = "text/event-stream"
_PROBLEM = "application/problem+json"


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties]}


_JOB_ID = {"type": "string", "format": "uuid"}
_FILE = {"type": "string", "format": "binary"}
_STATUS = {"type": "string", "enum": ["pending", "running", "completed", "failed"]}
_FRAME_INDEX = {"type": "integer", "minimum": 0}
_RESULT = {"type": "object", "additionalProperties": True}
_ENTRIES = {"type": "array", "items": _object(frame_index=_FRAME_INDEX, result=_RESULT)}

ANSWERS: Mapping[tuple[str, str, str], Schema] = {
    ("/video/submit", "post", "202"): _object(job_id=_JOB_ID),
    ("/video/status/{job_id}", "get", "200"): _object(
        job_id=_JOB_ID, status=_STATUS, progress={"type": "number", "enum": [0.0, 0.5, 1.0]}
    ),
    ("/video/results/{job_id}", "get", "200"): _object(job_id=_JOB_ID, results=_ENTRIES),
}
"""What the three calls answer; results have further forms, which are asked for by name."""

BODIES: Mapping[str, Schema] = {
    "multipart/form-data": {**_object(file=_FILE), "additionalProperties": False},
    "video/mp4": _FILE,
}
"""What a submit takes; a form may have options beside it."""

PROGRESS_OF = {"pending": 0.0, "running": 0.5, "completed": 1.0, "failed": 1.0}
"""The statuses, and the progress of each."""

COLUMNS = {
    "job_id": "CHAR(32)",
    "status": "VARCHAR(16)",
    "created_at": "DATETIME",
    "updated_at": "DATETIME",
    "input_path": "TEXT",
    "output_path": "TEXT or null",
    "error_message": "TEXT or null",
}
"""The promised columns of the job table, as SQLite has them."""

OTHER_COLUMNS = {
    "pipeline",
    "pipeline_definition",
    "options",
    "source",
    "report",
    "owner",
    "external_id",
    "input_bytes",
    "retention_s",
    "expires_at",
    "started_at",
    "webhook_url",
    "webhook_due_at",
    "webhook_attempts",
    "attempt",
    "lost_attempts",
    "not_before",
    "lease_token",
    "lease_expires_at",
    "worker",
}
"""What else it holds; none of it tells how far within its status a job is."""


def route_breaches(app: FastAPI) -> Iterator[str]:
    """Yield routes that are something else than plain HTTP."""
    for route in iter_route_contexts(app.routes):
        kind = route.original_route
        if isinstance(kind, WebSocketRoute):
            yield f"{route.path}: is a WebSocket route; let clients poll, or be told by a webhook"
        elif not isinstance(kind, Route):
            yield f"{route.path}: is a {type(kind).__name__}, whose routes no check sees; add them one by one"
        elif getattr(getattr(route, "response_class", None), "media_type", None) == _EVENT_STREAM:
            yield f"{route.path}: answers with an event stream; let clients poll, or be told by a webhook"


def undescribed_breaches(app: FastAPI, page: Iterable[str]) -> Iterator[str]:
    """Yield routes that the document leaves out: all but itself, the page and its files, and HEAD beside GET."""
    left_out = {"/", "/openapi.json", *(f"/assets/{name}" for name in page)}
    for route in iter_route_contexts(app.routes):
        described = {method.upper() for method in app.openapi()["paths"].get(route.path, {})}
        if "GET" in described:
            described.add("HEAD")
        methods = getattr(route.original_route, "methods", None) or {"Every method"}
        for method in sorted(methods - described):
            if route.path not in left_out:
                yield f"{method} {route.path}: is not in the API's document; every route is described there"


def document_breaches(document: Schema) -> Iterator[str]:
    """Yield what differs from the promised calls, and answers that are described as event streams."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if any(_EVENT_STREAM in answer.get("content", {}) for answer in operation["responses"].values()):
                yield f"{method.upper()} {path}: answers with an event stream; let clients poll"
    for (path, method, status), promised in ANSWERS.items():
        operation = document["paths"].get(path, {}).get(method)
        if operation is None:
            yield f"{method.upper()} {path}: is promised, and missing"
            continue
        yield from _answer_breaches(document, f"{method.upper()} {path}", operation["responses"], status, promised)
    taken = document["paths"].get("/video/submit", {}).get("post", {}).get("requestBody", {}).get("content", {})
    for media_type, promised in BODIES.items():
        body = _required_alone(_plain(document, taken.get(media_type)))
        yield from _difference(f"POST /video/submit as {media_type}", promised, body)


def _answer_breaches(document: Schema, call: str, responses: Schema, status: str, promised: Schema) -> Iterator[str]:
    answered = responses.get(status, {}).get("content", {}).get("application/json")
    yield from _difference(f"{call}: {status}", promised, _plain(document, answered))
    for code, answer in responses.items():
        if int(code) >= 400 and set(answer["content"]) != {_PROBLEM}:
            yield f"{call}: {code} is promised as {_PROBLEM}, and is {sorted(answer['content'])}"


def _difference(what: str, promised: Schema, found: Any) -> Iterator[str]:
    if found != promised:
        yield f"{what} is promised as {json.dumps(promised)}, and is {json.dumps(found)}"


def _required_alone(body: Any) -> Any:
    """Return the schema of a body without the properties that may be left out."""
    if not isinstance(body, Mapping) or "properties" not in body:
        return body
    needed = body.get("required", ())
    return {**body, "properties": {name: kind for name, kind in body["properties"].items() if name in needed}}


def _plain(document: Schema, media: Schema | None) -> Any:
    """Return the schema of a body, the first of several, without references and what is only for people."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(each) for each in value]
        if not isinstance(value, Mapping):
            return value
        if "$ref" in value:
            return plain(document["components"]["schemas"][value["$ref"].rpartition("/")[2]])
        # A property may be called so too; then it is no text.
        said = {key for key in ("title", "description") if isinstance(value.get(key), str)}
        return {key: plain(each) for key, each in value.items() if key not in said}

    schema = (media or {}).get("schema", {})
    return plain(schema.get("anyOf", [schema])[0])


def state_breaches(statuses: Iterable[str], progress: Mapping[JobStatus, float]) -> Iterator[str]:
    """Yield statuses that are not among the four promised, and progress that is not 0, 0.5 or 1.0 as promised."""
    if [*statuses] != [*PROGRESS_OF]:
        yield f"JobStatus: the statuses are promised as {', '.join(PROGRESS_OF)}, and are {', '.join(statuses)}"
    found = {str(status): at for status, at in progress.items()}
    if found != PROGRESS_OF:
        yield f"PROGRESS: is promised as {PROGRESS_OF}, and is {found}"


def status_breaches(app: ASGIApp, database: Database, key: str) -> Iterator[str]:
    """Yield what the application answers about a job of each status, if that is not what was promised."""
    for status in JobStatus:
        if status not in PROGRESS_OF:
            continue  # the tables may not take it
        job_id = uuid4()
        is_running = status == "running"
        row = {
            "job_id": job_id,
            "status": status,
            "input_path": "",
            "pipeline": "",
            "pipeline_definition": {},
            "options": {},
            "attempt": 1,
            "output_path": "" if status == "completed" else None,
            "error_message": "" if status == "failed" else None,
            "lease_token": job_id if is_running else None,
            "lease_expires_at": database_now(60) if is_running else None,
        }
        with database.writing() as transaction:
            transaction.execute(sa.insert(Job).values(row))
        answer = asyncio.run(_answer(app, f"/video/status/{job_id}", key))
        yield from _difference(
            f"GET /video/status/{{job_id}} of a job that is {status}",
            {"job_id": str(job_id), "status": status, "progress": PROGRESS_OF[status]},
            answer,
        )


async def _answer(app: ASGIApp, path: str, key: str) -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return (await client.get(path, headers={"Authorization": f"Bearer {key}"})).json()


def table_breaches(connection: sa.Connection) -> Iterator[str]:
    """Yield what the migrations made of the job table other than was promised. The database is SQLite."""
    inspector = sa.inspect(connection)
    columns = inspector.get_columns("job")
    found = {column["name"]: f"{column['type']}{' or null' * column['nullable']}" for column in columns}
    for name, kind in COLUMNS.items():
        if found.get(name) != kind:
            yield f"job.{name}: is promised as {kind}, and is {found.get(name)}"
    for name in found.keys() - COLUMNS.keys() - OTHER_COLUMNS:
        yield f"job.{name}: is not known; unless it is progress, add it to OTHER_COLUMNS of tools/check_contract.py"
    checks = {check["name"]: check["sqltext"] for check in inspector.get_check_constraints("job")}
    admitted = re.findall(r"'(\w+)'", checks.get("ck_job_status", ""))
    if sorted(admitted) != sorted(PROGRESS_OF):
        yield f"job.status: must be one of {', '.join(PROGRESS_OF)}, and may be {', '.join(admitted) or 'anything'}"


def snapshot_breaches(written: str, root: Path) -> Iterator[str]:
    """Yield that the document was not renewed, or that the changelog does not tell of it."""
    path = root / SNAPSHOT
    kept = path.read_text() if path.exists() else "{}"
    if kept != written:
        yield f"{SNAPSHOT}: the API has changed ({', '.join(_changed(kept, written))}); run `make openapi`"
    digest = hashlib.sha256(written.encode()).hexdigest()[:12]
    if _MARK.findall((root / CHANGELOG).read_text()) != [digest]:
        yield (
            f"{CHANGELOG}: no line tells of the last change of the API; write one below Unreleased that ends in "
            f"`<!-- openapi {digest} -->`, and take that comment away from the line that has it now"
        )


def _changed(kept: str, written: str) -> list[str]:
    """Return the names of the parts that are not the same in two documents."""
    before, after = _parts(json.loads(kept)), _parts(json.loads(written))
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _parts(document: Schema) -> Schema:
    components = document.get("components", {})
    return {**document.get("paths", {}), **components.get("schemas", {}), "info": document.get("info")}


def written_out(document: Schema) -> str:
    """Return the document as it is kept: without the version, which changes with each release and says nothing."""
    info = {key: value for key, value in document["info"].items() if key != "version"}
    return json.dumps({**document, "info": info}, indent=1, sort_keys=True) + "\n"


def default_settings(data_dir: Path) -> Settings:
    """Return the settings that describe the API: the defaults, whatever the environment says, and API keys."""
    defaults = {name: field.default for name, field in Settings.model_fields.items() if not field.default_factory}
    return Settings(**{**defaults, "data_dir": data_dir, "require_keys": True})


def breaches(root: Path, *, renew: bool) -> Iterator[str]:
    """Yield a sentence for all that is not as promised; with ``renew``, write the OpenAPI document first."""
    with TemporaryDirectory() as data_dir:
        settings = default_settings(Path(data_dir))
        database = open_migrated(settings)
        # Without a key, nothing that asks for keys is served; this one sees every job.
        key = KeyStore(database).make("governance", [Scope.ADMIN])
        with database.reading() as transaction:
            yield from table_breaches(transaction.connection)
        app = make_api(settings)
        yield from status_breaches(app, database, str(key))
        database.close()
        written = written_out(app.openapi())
    if renew:
        (root / SNAPSHOT).write_text(written)
    yield from route_breaches(app)
    yield from undescribed_breaches(app, [file.name for file in (root / PAGE).iterdir()])
    yield from document_breaches(app.openapi())
    yield from state_breaches(JobStatus, PROGRESS)
    yield from snapshot_breaches(written, root)


def main(root: Path = ROOT, *, renew: bool = False) -> int:
    """Print what is not as promised, and what to do; return 1 if anything is not."""
    return report(breaches(root, renew=renew))


if __name__ == "__main__":
    sys.exit(main(renew="--renew" in sys.argv))
