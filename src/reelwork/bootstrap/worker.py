"""The worker's process, which supervises analyses, and the rescue, which it runs from time to time."""

import os
import socket

from reelwork.bootstrap.analysis import set_up_analysis
from reelwork.bootstrap.foundation import Foundation, open_foundation
from reelwork.bootstrap.uploads import make_abandoned_uploads
from reelwork.jobs.counters import Counters
from reelwork.jobs.worker_table import WorkerTable
from reelwork.settings import Settings
from reelwork.tracing import start_tracing
from reelwork.worker.files import OrphanedFiles
from reelwork.worker.life import SignsOfLife
from reelwork.worker.rescue import Rescue
from reelwork.worker.retention import Retention
from reelwork.worker.runner import AnalysisProcess, JobLimits, JobRunner
from reelwork.worker.slot import Slot
from reelwork.worker.stop import StopRequest
from reelwork.worker.worker import Worker


def make_worker(settings: Settings, stop: StopRequest, concurrency: int = 1) -> Worker:
    """Make a worker that runs ``concurrency`` jobs side by side; nothing is started before ``Worker.run``."""
    start_tracing("worker")
    base = open_foundation(settings)
    name = f"{socket.gethostname()}:{os.getpid()}"
    counters = Counters()
    limits = JobLimits(settings.job_timeout_s, settings.job_memory_mb)

    def slot(number: int) -> Slot:
        child = AnalysisProcess(f"analysis-{number}", set_up_analysis, settings)
        runner = JobRunner(base.store, base.storage, child, stop, limits, settings.lease_s, counters)
        return Slot(name, base.queue, base.store, runner, stop, settings.lease_s)

    slots = [slot(number) for number in range(concurrency)]
    life = SignsOfLife(name, WorkerTable(base.database), counters)
    return Worker(name, base.queue, slots, _rescue(base, settings, counters=counters), stop, life)


def make_rescue(settings: Settings, orphan_age_s: float | None = None) -> Rescue:
    """Make a rescue to be run by hand."""
    return _rescue(open_foundation(settings), settings, orphan_age_s)


def _rescue(
    base: Foundation, settings: Settings, orphan_age_s: float | None = None, counters: Counters | None = None
) -> Rescue:
    age_s = settings.orphan_age_s if orphan_age_s is None else orphan_age_s
    orphaned = OrphanedFiles(base.store, base.storage, age_s)
    retention = Retention(base.store, base.storage, settings.retention_s)
    abandoned = make_abandoned_uploads(base, settings, age_s)
    return Rescue(
        base.store,
        orphaned,
        retention,
        abandoned,
        counters,
        lease_s=settings.lease_s,
        retention_s=settings.retention_s,
    )
