"""The page about PostgreSQL takes a service there, with its jobs."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reelwork.access.caller import Scope
from reelwork.bootstrap.access import open_keys
from reelwork.db.migrate import head_revision
from reelwork.settings import Settings
from tests.support.databases import opened
from tests.support.installation import CLIP, Installation
from tests.support.postgresql import PostgresqlServer, binaries
from tests.support.service import Caller, Service
from tests.support.shell import blocks_run_by, with_values
from tests.support.versions import install_this_version
from tests.support.warm_start import Nursery
from tools.tree import ROOT

PAGE = "docs/how-to/postgresql.md"
ROLE, SETTINGS, MIGRATE, COPY, START, LOOK = blocks_run_by(__file__, PAGE, "sh")
WITH_ID = "worker.log 2>&1 &\nWORKER=$!"


@pytest.fixture
def installation(postgresql_server: PostgresqlServer, tmp_path: Path) -> Iterator[Installation]:
    """A service on SQLite, with the server's commands beside it; role and database go at the end."""
    path = f"{install_this_version(tmp_path / 'this').parent}:{binaries()}:{os.environ['PATH']}"
    server = {"PGHOST": str(postgresql_server._directory), "PGUSER": "postgres"}
    installation = Installation(tmp_path, {"PATH": path, "REELWORK_PROBE_PROCESSES": "1", **server})
    yield installation
    installation.run("kill -KILL $API $WORKER && wait $API $WORKER || true")
    installation.run("dropdb --force reelwork && dropuser reelwork")
    installation.close()


def test_a_service_moves_with_its_jobs(
    installation: Installation, postgresql_server: PostgresqlServer, nursery: Nursery
) -> None:
    with closing(Service(installation.data_dir, nursery=nursery)) as before:
        calls = Caller(before.start("serve", "--port", "0").url())
        worker = before.start("worker")
        completed = calls.submit(CLIP, pipeline="frames")
        calls.results(completed)
        results = calls.http.get(f"/video/results/{completed}").content
        worker.stop()
        waiting = calls.submit(CLIP, pipeline="frames", tags="from-sqlite")
        calls.http.close()
    open_keys(Settings.load(data_dir=installation.data_dir)).make("laboratory", [Scope.READ])
    files = installation.files()

    run = installation.run
    run(ROLE.text)
    url = f"postgresql://reelwork:a-long-random-word@/reelwork?host={postgresql_server._directory}"
    run(with_values(SETTINGS, {"REELWORK_DATABASE_URL": url, "REELWORK_DATA_DIR": installation.data_dir}))
    assert run(MIGRATE.text).strip() == f"base -> {head_revision()}"
    assert f"`base -> {head_revision()}`" in (ROOT / PAGE).read_text()
    copied = run(COPY.text.replace(".venv/bin/python scripts", f"{sys.executable} {ROOT / 'scripts'}"))
    assert copied.strip() == "2 jobs and 1 API keys copied."
    assert installation.files() == files

    run(START.text.replace("api.log 2>&1 &", "api.log 2>&1 &\nAPI=$!").replace("worker.log 2>&1 &", WITH_ID))
    assert installation.results({completed}) == {completed: results}
    assert len(installation.results({waiting})) == 1
    [listed] = installation.calls.http.get("/video/jobs", params={"tag": "from-sqlite"}).json()["jobs"]
    assert listed["job_id"] == str(waiting)
    looked = run(LOOK.text)
    assert re.search(r"completed +\| +3", looked)
    assert re.search(r"\| idle +\| +\d", looked)


def test_connections_are_as_many_as_the_page_says(postgresql_url: str) -> None:
    page = (ROOT / PAGE).read_text()
    with opened(postgresql_url) as database:
        kept, more = database.engine.pool.size(), database.engine.pool._max_overflow  # type: ignore[attr-defined]
    assert f"it keeps up to {kept}, and takes up to {more} more" in page
    assert f"| `reelwork serve` | {kept + more} |" in page
    assert f"| `reelwork worker` | {kept + more + 1} |" in page
