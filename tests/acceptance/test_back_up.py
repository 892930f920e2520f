"""What the page about backups shows brings everything back that was accepted before."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.databases import opened
from tests.support.installation import CLIP, Installation
from tests.support.job_rows import let_lease_run_out
from tests.support.postgresql import binaries
from tests.support.shell import blocks_run_by, with_values
from tests.support.versions import install_this_version

SETTINGS, COPY, DUMP, FILES, RESTORE_FILES, RESTORE_COPY, RESTORE_DUMP, RESCUE = blocks_run_by(
    __file__, "docs/how-to/back-up.md", "sh"
)
START = "reelwork serve >>api.log 2>&1 &\nAPI=$!\nreelwork worker >>worker.log 2>&1 &\nWORKER=$!\n"
START += "until curl -s http://127.0.0.1:8000/healthz | grep -q ok; do sleep 0.2; done"


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    url = request.getfixturevalue("empty_postgresql_url") if request.param == "postgresql" else None
    commands = install_this_version(tmp_path / "this").parent
    path = os.pathsep.join([str(commands), str(binaries()), os.environ["PATH"]])
    installation = Installation(tmp_path, url, {"PATH": path})
    yield installation
    installation.close()


def test_what_was_accepted_before_the_backup_is_back(installation: Installation, tmp_path: Path) -> None:
    run = installation.run
    back_up, restore = (DUMP, RESTORE_DUMP) if "postgresql" in installation.database_url else (COPY, RESTORE_COPY)
    run(with_values(SETTINGS, {"REELWORK_DATA_DIR": installation.data_dir, "BACKUP": tmp_path / "backup"}))
    run(f"reelwork migrate\n{START}")
    completed = {installation.completed()}
    results = installation.results(completed)
    in_flight = installation.in_flight()
    run("kill -STOP $WORKER")  # so that the job runs for as long as it takes to copy it

    run(back_up.text)
    between = installation.calls.submit(CLIP, pipeline="frames")
    run(FILES.text)
    run("kill -KILL $API $WORKER\nwait $API $WORKER || true")
    run(RESTORE_FILES.text)
    run(restore.text)

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
