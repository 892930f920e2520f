"""The commands of the page about the way back lose nothing, whatever was in flight."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from reelwork.db.migrate import head_revision
from tests.support.databases import opened, rows, sqlite_url
from tests.support.service import Caller, Service
from tests.support.shell import Shell, blocks_run_by, free_port, with_values
from tests.support.versions import install_later_version, install_this_version
from tools.tree import ROOT

PAGE = "docs/how-to/roll-back.md"
(
    SETTINGS,
    COUNT,
    RUN_EMPTY,
    STOP,
    BACK_UP,
    ASK_THE_OLD,
    DOWN,
    DOWN_WITH_LOSS,
    START_THE_OLD,
    VERIFY,
    UP_AGAIN,
) = blocks_run_by(__file__, PAGE, "sh")


class Installation:
    """A service with a fixed address, driven by the commands of the page."""

    def __init__(self, service: Service, shell: Shell, database_url: str, calls: Caller) -> None:
        self.run = shell.run
        self._service = service
        self._database_url = database_url
        self._calls = calls
        self._clip = ROOT / "media" / "fragmented.mp4"

    def jobs(self) -> list[dict[str, Any]]:
        """Return every row of the job table, without what only the later version has."""
        with opened(self._database_url) as database:
            found = rows(database, "SELECT * FROM job ORDER BY job_id")
        return [{name: value for name, value in job.items() if name != "note"} for job in found]

    def files(self) -> dict[str, str]:
        """Return the digest of every stored file."""
        return digests(self._service.data_dir / "files")

    def completed(self) -> UUID:
        """Submit a job and wait until it is completed."""
        job_id = self._calls.submit(self._clip, pipeline="frames")
        self._calls.results(job_id)
        return job_id

    def in_flight(self) -> set[UUID]:
        """Leave one job running and one waiting behind it."""
        running = self._calls.submit(self._clip, pipeline="slow", frame_stride=8)
        self._calls.wait_for(running, "running")
        return {running, self._calls.submit(self._clip, pipeline="frames")}

    def results(self, job_ids: set[UUID]) -> dict[UUID, bytes]:
        """Return the results of completed jobs as they come over HTTP."""
        answers = {job_id: self._calls.http.get(f"/video/results/{job_id}") for job_id in job_ids}
        assert {answer.status_code for answer in answers.values()} == {200}
        return {job_id: answer.content for job_id, answer in answers.items()}


def digests(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


@contextmanager
def made(service: Service, directory: Path, caller: Callable[[str], Caller], url: str | None) -> Iterator[Installation]:
    (directory / "clip.mp4").symlink_to(ROOT / "media" / "fragmented.mp4")
    service.write_pipeline("slow", "pause", seconds=1)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {"REELWORK_PORT": str(port), "REELWORK_URL": address, "REELWORK_SHUTDOWN_GRACE_S": "0"}
    shell = Shell(directory, environment | ({"REELWORK_DATABASE_URL": url} if url else {}))
    values = {
        "REELWORK_DATA_DIR": service.data_dir,
        "OLD": install_this_version(directory / "this"),
        "NEW": install_later_version(directory / "later"),
        "BACKUP": directory / "backup",
    }
    try:
        shell.run(with_values(SETTINGS, values))
        yield Installation(service, shell, url or sqlite_url(service.data_dir / "reelwork.db"), caller(address))
    finally:
        shell.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(
    request: pytest.FixtureRequest, service: Service, tmp_path: Path, caller: Callable[[str], Caller]
) -> Iterator[Installation]:
    if request.param == "sqlite":
        with made(service, tmp_path, caller, None) as installation:
            yield installation
        return
    databases = request.getfixturevalue("postgresql_databases")
    with databases.empty() as url, made(service, tmp_path, caller, url) as installation:
        yield installation


def test_nothing_is_lost_on_the_way_back(installation: Installation, tmp_path: Path) -> None:
    run = installation.run
    run('"$OLD" migrate')
    run(START_THE_OLD.text)
    completed = {installation.completed()}
    run(STOP.text)
    run(UP_AGAIN.text)
    completed.add(installation.completed())
    pending = installation.in_flight()
    results = installation.results(completed)

    assert run(COUNT.text).strip() == "4"
    run(STOP.text)
    jobs, files = installation.jobs(), installation.files()
    assert sorted(job["status"] for job in jobs) == ["completed", "completed", "pending", "pending"]
    assert len(files) == 6
    run(BACK_UP.text)
    assert digests(tmp_path / "backup" / "files") == files
    assert f"`reelwork migrate {head_revision()}`" in run(ASK_THE_OLD.text, fails=True)
    assert "no place for 1 value of job.note. Nothing was changed." in run(DOWN.text, fails=True)
    assert installation.jobs() == jobs
    run(DOWN_WITH_LOSS.text)
    assert (installation.jobs(), installation.files()) == (jobs, files)

    run(START_THE_OLD.text)
    assert re.search(r"^4$", run(VERIFY.text), re.MULTILINE)
    assert installation.results(completed) == results
    results |= installation.results(pending)
    pending = installation.in_flight()

    run(STOP.text)
    run(UP_AGAIN.text)
    run(RUN_EMPTY.text)
    statuses = [job["status"] for job in installation.jobs()]
    assert statuses == ["completed"] * 7
    assert installation.results(set(results)) == results
    for document in installation.results(pending).values():
        assert len(json.loads(document)["results"]) in (4, 30)


def test_the_page_knows_every_revision() -> None:
    assert f"REVISION={head_revision()}\n" == DOWN.text.splitlines(keepends=True)[0]
    page = (ROOT / PAGE).read_text()
    assert re.findall(r"^\| `(\d+)`", page, re.MULTILINE) == [
        f"{number:04}" for number in range(int(head_revision()), 0, -1)
    ]
