"""Whatever differs from what was promised is told."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.sse import EventSourceResponse

from reelwork.bootstrap.foundation import open_migrated
from reelwork.jobs.lifecycle import PROGRESS, JobStatus
from tools.check_contract import (
    CHANGELOG,
    SNAPSHOT,
    default_settings,
    document_breaches,
    main,
    route_breaches,
    snapshot_breaches,
    state_breaches,
    status_breaches,
    table_breaches,
    undescribed_breaches,
)
from tools.tree import ROOT

WRITTEN = (ROOT / SNAPSHOT).read_text()

PLANTED = [
    ("src/reelwork/jobs/lifecycle.py", '= "failed"', '= "failed"\n    PAUSED = "paused"'),
    ("src/reelwork/jobs/lifecycle.py", "JobStatus.RUNNING: 0.5", "JobStatus.RUNNING: 0.42"),
    ("src/reelwork/db/migrations/versions/0001_job_and_queue.py", "IN ('pending',", "IN ('paused', 'pending',"),
    ("src/reelwork/api/app.py", "    describe(", "    app.add_api_websocket_route('/follow', print)\n    describe("),
    ("src/reelwork/api/app.py", "    describe(", "    app.add_route('/told', print)\n    describe("),
    (
        "src/reelwork/db/migrations/versions/0001_job_and_queue.py",
        '        sa.Column("attempt"',
        '        sa.Column("analysed", sa.Integer()),\n        sa.Column("attempt"',
    ),
    ("src/reelwork/api/operations.py", "=PlainTextResponse", "=EventSourceResponse"),
    ("src/reelwork/api/operations.py", "\n\n", "\n\nfrom fastapi.sse import EventSourceResponse\n"),
]


def check(tree: Path) -> tuple[int, str]:
    """Check a tree in a process of its own."""
    command = [sys.executable, "-m", "tools.check_contract"]
    environment = {"PYTHONPATH": f"{tree / 'src'}:{tree}"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def document(**changed: Any) -> dict[str, Any]:
    """Return the document, schemas of it changed."""
    made: dict[str, Any] = json.loads(WRITTEN)
    for name, properties in changed.items():
        made["components"]["schemas"][name]["properties"] |= properties
    return made


def test_contract_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert capsys.readouterr().out == ""


def test_each_operation_that_asks_for_a_key_says_for_which_scope() -> None:
    operations = [each for item in json.loads(WRITTEN)["paths"].values() for each in item.values()]
    asking = [scopes for each in operations for scheme in each.get("security", []) for scopes in scheme.values()]
    assert {tuple(scopes) for scopes in asking} == {("read",), ("submit",)}


def test_all_breaches_in_a_tree_are_told(tree: Path) -> None:
    for path, before, after in PLANTED:
        content = (tree / path).read_text()
        assert before in content
        (tree / path).write_text(content.replace(before, after, 1))

    code, told = check(tree)

    assert code == 1
    assert "/follow: is a WebSocket route" in told
    assert "/healthz: answers with an event stream" in told
    assert "Every method /told: is not in the API's document" in told
    assert "job.analysed: is not known" in told
    assert "GET /video/status/{job_id} of a job that is running is promised as" in told
    assert "job.status: must be one of pending, running, completed, failed, and may be" in told
    assert "JobStatus: the statuses are promised as pending, running, completed, failed, and are" in told
    assert "PROGRESS: is promised as" in told
    assert "GET /video/status/{job_id}: 200 is promised as" in told
    assert f"{SNAPSHOT}: the API has changed (/healthz, JobStatus); run `make openapi`" in told
    assert f"{CHANGELOG}: no line tells of the last change of the API" in told


def test_websocket_route_is_told() -> None:
    async def follow(socket: WebSocket) -> None: ...

    app, router = FastAPI(), APIRouter(prefix="/video")
    app.include_router(router)
    assert list(route_breaches(app)) == []

    router.add_api_websocket_route("/follow", follow)
    (told,) = route_breaches(app)
    assert told.startswith("/video/follow: is a WebSocket route")


def test_event_stream_is_told() -> None:
    app = FastAPI()
    assert list(route_breaches(app)) == []

    app.add_api_route("/video/told", lambda: None, response_class=EventSourceResponse)
    (told,) = route_breaches(app)
    assert told.startswith("/video/told: answers with an event stream")


def test_described_event_stream_is_told() -> None:
    made = document()
    made["paths"]["/video/jobs"]["get"]["responses"]["200"]["content"]["text/event-stream"] = {}

    assert list(document_breaches(made)) == ["GET /video/jobs: answers with an event stream; let clients poll"]


def test_route_that_is_not_described_is_told() -> None:
    app, router = FastAPI(docs_url=None, redoc_url=None), APIRouter()
    app.include_router(router)
    router.add_api_route("/video/told", lambda: None)
    router.add_api_route("/video/told", lambda: None, methods=["HEAD"], include_in_schema=False)
    router.add_api_route("/assets/page.js", lambda: None, include_in_schema=False)
    assert list(undescribed_breaches(app, ["page.js"])) == []

    router.add_api_route("/assets/follow", lambda: None, include_in_schema=False)
    (told,) = undescribed_breaches(app, ["page.js"])
    assert told.startswith("GET /assets/follow: is not in the API's document")


def test_mounted_application_is_told() -> None:
    app = FastAPI()
    app.mount("/more", FastAPI())

    (told,) = route_breaches(app)
    assert told.startswith("/more: is a Mount")


def test_fifth_status_is_told() -> None:
    assert list(state_breaches(JobStatus, PROGRESS)) == []

    (told,) = state_breaches([*JobStatus, "paused"], PROGRESS)
    assert told.endswith("are pending, running, completed, failed, paused")


def test_finer_progress_is_told() -> None:
    (told,) = state_breaches(JobStatus, {**PROGRESS, JobStatus.RUNNING: 0.42})
    assert "'running': 0.42" in told


def test_finer_progress_in_an_answer_is_told(tmp_path: Path) -> None:
    app = FastAPI()
    app.add_api_route(
        "/video/status/{job_id}", lambda job_id: {"job_id": job_id, "status": "running", "progress": 0.42}
    )

    with closing(open_migrated(default_settings(tmp_path))) as database:
        told = [*status_breaches(app, database, "")]

    assert len(told) == 4
    assert "of a job that is running" in told[1]
    assert told[1].endswith('"status": "running", "progress": 0.42}')


@pytest.mark.parametrize(
    ("changed", "call"),
    [
        ({"Accepted": {"position": {"type": "integer"}}}, "POST /video/submit: 202"),
        ({"Accepted": {"description": {"type": "string"}}}, "POST /video/submit: 202"),
        ({"Status": {"progress": {"type": "number"}}}, "GET /video/status/{job_id}: 200"),
        ({"FrameEntry": {"frame_index": {"type": "string"}}}, "GET /video/results/{job_id}: 200"),
    ],
)
def test_other_answer_is_told(changed: dict[str, Any], call: str) -> None:
    assert list(document_breaches(document())) == []

    (told,) = document_breaches(document(**changed))
    assert told.startswith(f"{call} is promised as ")


def test_missing_call_is_told() -> None:
    made = document()
    del made["paths"]["/video/status/{job_id}"]

    assert list(document_breaches(made)) == ["GET /video/status/{job_id}: is promised, and missing"]


def test_submit_that_takes_something_else_is_told() -> None:
    made = document()
    del made["paths"]["/video/submit"]["post"]["requestBody"]["content"]["video/mp4"]

    (told,) = document_breaches(made)
    assert told.startswith("POST /video/submit as video/mp4 is promised as ")


def test_form_that_needs_more_than_the_file_is_told() -> None:
    made = document()
    form = made["paths"]["/video/submit"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    form["required"].append("pipeline")

    (told,) = document_breaches(made)
    assert told.startswith("POST /video/submit as multipart/form-data is promised as ")


def test_refusal_that_is_no_problem_is_told() -> None:
    made = document()
    made["paths"]["/video/results/{job_id}"]["get"]["responses"]["404"]["content"] = {"text/plain": {}}

    (told,) = document_breaches(made)
    assert told == "GET /video/results/{job_id}: 404 is promised as application/problem+json, and is ['text/plain']"


def test_job_table_without_a_promised_column_or_check_is_told() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE job (job_id CHAR(32) NOT NULL, status VARCHAR(16) NOT NULL, created_at DATETIME NOT NULL,"
            " updated_at DATETIME NOT NULL, input_path TEXT, error_message TEXT)"
        )
        told = list(table_breaches(connection))
    engine.dispose()

    assert told == [
        "job.input_path: is promised as TEXT, and is TEXT or null",
        "job.output_path: is promised as TEXT or null, and is None",
        "job.status: must be one of pending, running, completed, failed, and may be anything",
    ]


class TestSnapshot:
    def test_change_is_told_until_it_is_renewed_and_has_a_line(self, tmp_path: Path) -> None:
        (tmp_path / SNAPSHOT).parent.mkdir(parents=True)
        (tmp_path / SNAPSHOT).write_text(WRITTEN)
        changelog = (ROOT / CHANGELOG).read_text()
        (tmp_path / CHANGELOG).write_text(changelog)
        assert list(snapshot_breaches(WRITTEN, tmp_path)) == []

        changed = WRITTEN.replace('"/video/jobs"', '"/video/work"')
        outdated, untold = snapshot_breaches(changed, tmp_path)
        assert "the API has changed (/video/jobs, /video/work)" in outdated

        (tmp_path / SNAPSHOT).write_text(changed)
        assert list(snapshot_breaches(changed, tmp_path)) == [untold]

        mark = untold.split("`")[1]
        old_mark = changelog[changelog.index("<!-- openapi") :].partition("\n")[0]
        line = f"- Jobs are called work. {mark}\n"
        (tmp_path / CHANGELOG).write_text(changelog.replace("### Added\n\n", f"### Added\n\n{line}"))
        assert list(snapshot_breaches(changed, tmp_path)) == [untold], "the comment stands at two lines"

        (tmp_path / CHANGELOG).write_text(changelog.replace(f" {old_mark}", "") + line)
        assert list(snapshot_breaches(changed, tmp_path)) == []

    def test_comment_without_a_line_does_not_count(self, tmp_path: Path) -> None:
        (tmp_path / SNAPSHOT).parent.mkdir(parents=True)
        (tmp_path / SNAPSHOT).write_text(WRITTEN)
        changelog = (ROOT / CHANGELOG).read_text()
        mark = changelog[changelog.index("<!-- openapi") :].partition("\n")[0]
        (tmp_path / CHANGELOG).write_text(f"{mark}\n")

        (told,) = snapshot_breaches(WRITTEN, tmp_path)
        assert mark in told
