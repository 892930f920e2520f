"""How soon the job of a killed analysis process is free again: from the kill until that is durable.

Most of it is the kernel's time to take the dead process apart, and the scheduler's to wake its supervisor.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import killed_analysis
from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.processes import running
from benchmarks.rounds import in_ms
from reelwork.db.engine import Database
from reelwork.jobs.attempts import AttemptPolicy
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from reelwork.storage.local import LocalStorage
from reelwork.worker.runner import AnalysisProcess, JobLimits, JobRunner
from reelwork.worker.stop import StopRequest
from tests.support.jobs import make_job

_TIMES = 100
_LEASE_S = 30.0
_HOUR_S = 3600.0
_LIMITS = JobLimits(timeout_s=_HOUR_S, memory_mb=8192)


class _TimedStore(JobStore):
    """Notes when an attempt was written off."""

    written_off_at = 0.0

    def lose_attempt(self, lease: Lease, cause: str) -> JobStatus | None:
        status = super().lose_attempt(lease, cause)
        self.written_off_at = time.monotonic()
        return status


def run() -> None:
    """Measure and print."""
    for name, url in (("SQLite", sqlite_url), ("PostgreSQL", postgresql_url)):
        with url() as there, opened(there) as database:
            for load, busy in (("cores as they are", 0), ("cores kept busy  ", os.cpu_count() or 1)):
                with ExitStack() as stack:
                    for _ in range(busy):
                        stack.enter_context(running(_be_busy))
                    taken = _released(database)
                print(f"{name:10} {load}   {in_ms(taken)}   worst {max(taken) * 1000:.2f} ms")


def _released(database: Database) -> list[float]:
    store = _TimedStore(database, DatabaseQueue(database), AttemptPolicy(rest_s=_HOUR_S))
    with tempfile.TemporaryDirectory() as folder:
        storage = LocalStorage(Path(folder))
        with _runner(store, storage) as runner:
            return [_killed_once(store, storage, runner) for _ in range(_TIMES)]


@contextmanager
def _runner(store: JobStore, storage: LocalStorage) -> Iterator[JobRunner]:
    child = AnalysisProcess("analysis", killed_analysis.set_up)  # type: ignore[arg-type]
    runner = JobRunner(store, storage, child, StopRequest(_HOUR_S), _LIMITS, _LEASE_S)
    try:
        yield runner
    finally:
        runner.close()


def _killed_once(store: _TimedStore, storage: LocalStorage, runner: JobRunner) -> float:
    job = make_job()
    storage.save_file(job.input_path, [b"no video"])
    store.add(job)
    claim = store.claim(job.job_id, "benchmark", _LEASE_S)
    assert claim is not None
    runner.run(claim)
    with storage.local_path(job.input_path) as path:
        killed_at = float(path.read_text().split()[0])
    assert store.get(job.job_id).status == JobStatus.PENDING  # type: ignore[union-attr]
    return store.written_off_at - killed_at


def _be_busy(connection: "Connection[Any, Any]") -> None:
    while not connection.poll():
        sum(range(10_000))
