"""Jobs in a real store with real files behind them, and a clock."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from reelwork.jobs.store import JobStore, Lease
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import results_key, video_key
from tests.support.clock import Clock
from tests.support.jobs import make_job
from tests.support.service import files_below

HOUR_S = 3600


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everything in this process, from now on."""
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


class Jobs:
    """Makes jobs and files, and says which files are left."""

    def __init__(self, store: JobStore, storage: LocalStorage, root: Path) -> None:
        self.store = store
        self._storage = storage
        self._root = root

    def save(self, key: str, age_s: float = 2 * HOUR_S) -> str:
        """Store a file that is so old."""
        self._storage.save_file(key, [b"x"])
        path = self._root / key
        written_at = path.stat().st_mtime - age_s
        os.utime(path, (written_at, written_at))
        return key

    def pending(self, **columns: Any) -> UUID:
        """Make a job with an old video."""
        job = make_job(**columns)
        self.save(video_key(job.job_id))
        self.store.add(job)
        return job.job_id

    def running(self, **columns: Any) -> Lease:
        """Make a job that a worker has claimed."""
        claim = self.store.claim(self.pending(**columns), "somebody", 60)
        assert claim is not None
        return claim.lease

    def completed(self) -> Lease:
        """Make a job with old results."""
        lease = self.running()
        key = self.save(results_key(lease.job_id, lease.token))
        assert self.store.complete(lease, key)
        return lease

    def failed(self, **columns: Any) -> UUID:
        """Make a job that failed."""
        lease = self.running(**columns)
        assert self.store.fail(lease, "It broke.")
        return lease.job_id

    def files(self) -> set[str]:
        """Return every file there is, temporary ones too."""
        return files_below(self._root)


@pytest.fixture
def jobs(store: JobStore, storage: LocalStorage, tmp_path: Path) -> Jobs:
    """A factory of jobs with files."""
    return Jobs(store, storage, tmp_path / "storage")


@pytest.fixture
def gone_storage(tmp_path: Path, storage: LocalStorage) -> Callable[[], None]:
    """Take the storage away."""
    return lambda: (tmp_path / "storage").rename(tmp_path / "away") and None
