"""What worker processes of their own do with the job table; each opens the database by its URL."""

from collections.abc import Sequence
from uuid import UUID

from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import opened


def claim_all(number: int, url: str, job_ids: Sequence[UUID]) -> list[UUID]:
    """Try to claim each job; return those that were got."""
    with opened(url) as database:
        store = JobStore(database, DatabaseQueue(database))
        return [job_id for job_id in job_ids if store.claim(job_id, f"worker {number}", 60)]


def claim_what_waits(number: int, url: str) -> list[UUID]:
    """Claim the next job until none is left; return those that were got."""
    with opened(url) as database:
        return take_what_waits(JobStore(database, DatabaseQueue(database)), f"worker {number}")


def take_what_waits(store: JobStore, worker: str) -> list[UUID]:
    """Claim the next job until none is left; return those that were got."""
    taken = []
    while claim := store.claim_next(worker, 60):
        taken.append(claim.lease.job_id)
    return taken
