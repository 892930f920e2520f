"""Whatever breaks behind a route, the client gets a problem, and no path, SQL or trace with it."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from reelwork.db.engine import Database
from reelwork.errors import ConfigurationError, ServiceUnavailable
from reelwork.jobs.service import JobService
from reelwork.jobs.store import JobStore

SECRET = "SELECT secret FROM job -- /srv/hidden/reelwork.db"
PROBLEM = "application/problem+json"


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: object, **named: object) -> Any:
        raise error

    return fail


def break_statements(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("query", "change", "reading", "writing"):
        monkeypatch.setattr(Database, name, raising(RuntimeError(SECRET)))


def break_services(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in vars(JobService) if not name.startswith("_")]:
        monkeypatch.setattr(JobService, name, raising(ConfigurationError(SECRET)))


def lose_database(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in vars(JobStore) if not name.startswith("_")]:
        monkeypatch.setattr(JobStore, name, raising(ServiceUnavailable("The database does not answer.")))


def garble_database(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in data.glob("reelwork.db*"):
        path.write_bytes(b"no database any more " * 1000)


def drop_tables(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(data / "reelwork.db")) as connection:
        for table in ("job_tag", "job", "queue_entry", "api_key"):
            connection.execute(f"DROP TABLE {table}")


def lose_files(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "files").write_text("not a directory")


BREAKAGES = [break_statements, break_services, lose_database, garble_database, drop_tables, lose_files]


def everything(client: httpx.Client, clip: bytes) -> list[tuple[str, Any]]:
    """Call every operation that is described, and some that are not; return what is asked and what is answered."""
    answers = []
    for path, item in client.get("/openapi.json").json()["paths"].items():
        filled = path.replace("{job_id}", str(uuid4())).replace("{number}", "0").replace("{upload_id}", str(uuid4()))
        for method in item:
            body = {"content": clip, "headers": {"Content-Type": "video/mp4"}} if "requestBody" in item[method] else {}
            answers.append((f"{method} {path}", client.request(method.upper(), filled, **body)))
    answers.append(("get /nowhere", client.get("/nowhere")))
    return answers


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.__name__)
def test_what_breaks_is_not_told(
    serving: Callable[..., httpx.Client],
    tmp_path: Path,
    media_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    breakage: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    client = serving()
    clip = (media_dir / "midroll-5s.mp4").read_bytes()
    breakage(tmp_path / "data", monkeypatch)

    answers = everything(client, clip)

    assert [asked for asked, answer in answers if answer.status_code >= 500]
    for asked, answer in answers:
        assert not [
            leak
            for leak in (str(tmp_path), "hidden", "secret", "SELECT", "sqlite", "Traceback", 'File "', ".py")
            if leak in answer.text
        ], (asked, answer.text)
        if answer.status_code >= 400 and answer.request.method != "HEAD":
            assert answer.headers["content-type"] == PROBLEM, asked
            assert answer.json()["status"] == answer.status_code
            assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_the_log_tells_what_the_client_is_not_told(
    serving: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = serving()
    break_statements(Path(), monkeypatch)
    with caplog.at_level(logging.ERROR):
        answer = client.get(f"/video/jobs/{uuid4()}", headers={"X-Request-Id": "mine-17"})
    assert answer.json()["type"] == "urn:reelwork:problem:internal-error"
    assert answer.json()["request_id"] == "mine-17"
    [record] = [record for record in caplog.records if record.message == "request.failed"]
    assert record.exc_info is not None
    assert SECRET in str(record.exc_info[1])
