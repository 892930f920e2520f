"""Thousands of damaged MP4s at a running server: each is taken or refused in words, and the refused leave nothing.

`python -m tests.soak.fuzz_uploads` does the same at length.
"""

from collections.abc import Callable
from pathlib import Path

from reelwork.storage.service import video_key
from tests.support.databases import opened, rows, sqlite_url
from tests.support.fuzzed_uploads import FuzzedUploads
from tests.support.service import Caller, Service

COUNT = 2000
SMALL = ("midroll-5s.mp4", "parcels.mp4", "hevc-bframes.mp4", "fragmented.mp4")


def test_damaged_files(service: Service, media_dir: Path, caller: Callable[[str], Caller]) -> None:
    server = service.start("serve", "--port", "0")
    fuzzed = FuzzedUploads(server.url(), [media_dir / name for name in SMALL], seed=1).post(COUNT)

    assert fuzzed.complaints == []
    assert fuzzed.tally.total() == COUNT
    assert {status for _, status in fuzzed.tally} >= {202, 422}
    assert server.process.poll() is None
    assert service.stored_files() == sorted(video_key(job_id) for job_id in fuzzed.jobs)
    with opened(sqlite_url(service.data_dir / "reelwork.db")) as database:
        assert len(rows(database, "SELECT job_id FROM job")) == len(fuzzed.jobs)
    assert caller(server.url()).submit(media_dir / "midroll-5s.mp4", pipeline="frames")
