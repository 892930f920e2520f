"""What the page about backups shows brings everything back that was accepted before."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from reelwork.db.migrate import migrate
from reelwork.jobs.lifecycle import JobStatus
from tests.support.databases import opened, rows
from tests.support.installation import CLIP, Installation
from tests.support.job_rows import consistent_row, insert_row, let_lease_run_out, row_of
from tests.support.pausing import pause_between_writes
from tests.support.postgresql import binaries
from tests.support.shell import Shell, blocks_run_by, with_values
from tests.support.versions import install_this_version

SETTINGS, COPY, DUMP, FILES, RESTORE_FILES, RESTORE_COPY, RESTORE_DUMP, RESCUE = blocks_run_by(
    __file__, "docs/how-to/back-up.md", "sh"
)
START = "reelwork serve >>api.log 2>&1 &\nAPI=$!\nreelwork worker >>worker.log 2>&1 &\nWORKER=$!\n"
START += "until curl -s http://127.0.0.1:8000/healthz | grep -q ok; do sleep 0.2; done"


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    commands = install_this_version(tmp_path / "this").parent
    installation = Installation(tmp_path, {"PATH": f"{commands}:{os.environ['PATH']}"})
    yield installation
    installation.close()


def test_what_was_accepted_before_the_backup_is_back(installation: Installation, tmp_path: Path) -> None:
    run = installation.run
    run(with_values(SETTINGS, {"REELWORK_DATA_DIR": installation.data_dir, "BACKUP": tmp_path / "backup"}))
    run(START)
    completed = {installation.completed()}
    results = installation.results(completed)
    in_flight = installation.in_flight()
    # So that the job runs for as long as it takes to copy it.
    pause_between_writes(int(run("echo $WORKER")), installation.data_dir / "reelwork.db.lock")

    run(COPY.text)
    between = installation.calls.submit(CLIP, pipeline="frames")
    run(FILES.text)
    run("kill -KILL $API $WORKER\nwait $API $WORKER || true")
    run(RESTORE_FILES.text)
    run(RESTORE_COPY.text)

    jobs, files = installation.jobs(), installation.files()
    assert sorted(job["status"] for job in jobs) == ["completed", "pending", "running"]
    assert {path for job in jobs for path in (job["input_path"], job["output_path"]) if path} <= files.keys()
    assert f"video_jobs/{between}.mp4" in files
    with opened(installation.database_url) as database:
        [running] = [job["job_id"] for job in jobs if job["status"] == "running"]
        let_lease_run_out(database, UUID(str(running)))
    assert "1 job taken from lost workers" in run(RESCUE.text)

    run(START)
    assert installation.results(completed) == results
    assert len(installation.results(in_flight)) == 2
    assert installation.calls.http.get(f"/video/status/{between}").status_code == 404


def test_dump_brings_back_every_row(postgresql_url: str, tmp_path: Path) -> None:
    path = f"{binaries()}:{os.environ['PATH']}"
    environment = {"PATH": path, "REELWORK_DATABASE_URL": postgresql_url, "BACKUP": str(tmp_path / "backup")}
    with closing(Shell(tmp_path, environment)) as shell, opened(postgresql_url) as database:
        job_ids = [insert_row(database, consistent_row(status)) for status in JobStatus]
        before = [row_of(database, job_id) for job_id in job_ids]
        shell.run(DUMP.text)
        migrate(database, "base", lose_data=True)
        migrate(database)
        insert_row(database, consistent_row(JobStatus.PENDING))
        database.close()

        shell.run(RESTORE_DUMP.text)

        assert [row_of(database, job_id) for job_id in job_ids] == before
        assert len(rows(database, "SELECT job_id FROM job")) == len(before)
