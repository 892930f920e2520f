"""What the page about retention says goes is gone, and the rest is there."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.support.databases import opened
from tests.support.installation import CLIP, Installation
from tests.support.job_rows import update_row
from tests.support.service import Service
from tests.support.shell import blocks_run_by
from tests.support.versions import install_this_version
from tests.support.waiting import wait_until

PAGE = "docs/how-to/retention.md"
START, SUBMIT, RESCUE, DELETE, WITHOUT_VIDEOS, BALLAST, ROOM, SIZES = blocks_run_by(__file__, PAGE, "sh")
LONG_AGO = datetime(2024, 5, 6, tzinfo=UTC)
HOUR_S = 3600


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    path = f"{install_this_version(tmp_path / 'this').parent}:{os.environ['PATH']}"
    installation = Installation(tmp_path, {"PATH": path, "REELWORK_PROBE_PROCESSES": "1", "REELWORK_LEASE_S": "2"})
    if shutil.which("jq") is None:
        installation.run("""jq() { sed 's/.*"job_id": *"\\([^"]*\\)".*/\\1/'; }""")
    Service(installation.data_dir).write_pipeline("broken", "raise", frame=0)
    yield installation
    installation.close()


def ended_long_ago(installation: Installation, job_id: UUID, column: str) -> None:
    with opened(installation.database_url) as database:
        update_row(database, job_id, **{column: LONG_AGO})


def files_of(installation: Installation, job_id: UUID) -> list[str]:
    return sorted(name.partition("/")[0] for name in installation.files() if str(job_id) in name)


def is_gone(installation: Installation, job_id: UUID) -> bool:
    return installation.calls.http.get(f"/video/jobs/{job_id}").status_code == 404


def test_what_is_over_goes(installation: Installation) -> None:
    run, calls = installation.run, installation.calls
    run(START.text.replace("/srv/reelwork", str(installation.data_dir)))
    run("until curl -s http://127.0.0.1:8000/healthz | grep -q ok; do sleep 0.1; done")
    too_long = calls.http.post(
        "/video/submit?retention_s=2592001", content=CLIP.read_bytes(), headers={"Content-Type": "video/mp4"}
    )
    assert too_long.json()["type"] == "urn:reelwork:problem:invalid-options"
    kept, old, archived = (calls.submit(CLIP, pipeline="frames", tags=tag) for tag in ("kept", "old", "archive"))
    own = UUID(run(SUBMIT.text).strip())
    results = installation.results({kept, old, archived, own})
    assert all(files_of(installation, job_id) == ["video_jobs", "video_results"] for job_id in results)

    # The times are set back, for an hour and thirty days would be long to wait for; a worker would be first.
    run('kill -TERM "$WORKER"; wait "$WORKER"')
    detail = calls.http.get(f"/video/jobs/{own}").json()
    lasts_s = datetime.fromisoformat(detail["expires_at"]) - datetime.fromisoformat(detail["updated_at"])
    assert abs(lasts_s.total_seconds() - HOUR_S) < 1
    ended_long_ago(installation, own, "expires_at")
    ended_long_ago(installation, old, "updated_at")
    left = installation.data_dir / "files" / "video_jobs" / f"{uuid4()}.mp4"
    left.write_bytes(b"of nobody")
    os.utime(left, (0, 0))
    assert run(RESCUE.text).splitlines()[-1] == "2 ended jobs removed, 1 file without a job removed"
    for job_id in (own, old):
        assert is_gone(installation, job_id)
        assert files_of(installation, job_id) == []
    assert not left.exists()

    run(WITHOUT_VIDEOS.text)
    assert files_of(installation, archived) == ["video_results"]
    assert calls.http.get(f"/video/results/{archived}").content == results[archived]
    gone = calls.http.get(f"/video/jobs/{archived}/media")
    assert gone.json()["type"] == "urn:reelwork:problem:video-gone"

    run(BALLAST.text.replace("100M", "1M"))
    assert (installation.data_dir / "ballast").stat().st_size == 2**20
    assert run(ROOM.text).splitlines()[-1] == "Nothing had to be repaired."
    assert "video_results" in run(SIZES.text)
    assert installation.results({kept})[kept] == results[kept]


def test_workers_remove_it_by_themselves(installation: Installation) -> None:
    """With a shorter setting what ended before goes too; what asked for a time of its own stays."""
    run, calls = installation.run, installation.calls
    run(START.text.replace("/srv/reelwork", str(installation.data_dir)))
    run("until curl -s http://127.0.0.1:8000/healthz | grep -q ok; do sleep 0.1; done")
    done, own = calls.submit(CLIP, pipeline="frames"), calls.submit(CLIP, pipeline="frames", retention_s=HOUR_S)
    installation.results({done, own})
    broken = calls.submit(CLIP, pipeline="broken")
    assert calls.wait_for(broken, "failed")
    run(DELETE.text)
    assert is_gone(installation, broken)
    assert files_of(installation, broken) == []
    run('kill -TERM "$WORKER"; wait "$WORKER"')
    waiting = calls.submit(CLIP, pipeline="slow", frame_stride=15)

    run("REELWORK_RETENTION_S=1 reelwork worker >>worker.log 2>&1 &")

    wait_until(lambda: is_gone(installation, done) and not files_of(installation, done))
    assert files_of(installation, own) == ["video_jobs", "video_results"]
    wait_until(lambda: is_gone(installation, waiting) and not files_of(installation, waiting))
    assert '"event": "job.completed"' in run("cat worker.log")
