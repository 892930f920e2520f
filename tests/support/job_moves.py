"""Jobs moved from status to status through the store, as the API, workers and rescuers move them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from reelwork.db.engine import Database
from reelwork.errors import ServiceUnavailable
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.service import QueueService
from tests.support.job_rows import let_lease_run_out, let_rest_pass
from tests.support.jobs import make_job

LEASE_S = 60.0

WRITES: dict[str, Callable[[JobStore, Lease], object]] = {
    "renew": lambda store, lease: store.renew(lease, LEASE_S),
    "complete": lambda store, lease: store.complete(lease, "stale"),
    "fail": lambda store, lease: store.fail(lease, "stale"),
    "release": lambda store, lease: store.release(lease),
    "lose_attempt": lambda store, lease: store.lose_attempt(lease, "stale"),
}
"""Everything that needs a lease."""


def added(store: JobStore, **columns: Any) -> UUID:
    """Add a pending job."""
    job = make_job(**columns)
    store.add(job)
    return job.job_id


def claimed(store: JobStore, job_id: UUID, worker: str = "one") -> Lease:
    """Claim a job that must be there to be claimed."""
    claim = store.claim(job_id, worker, LEASE_S)
    assert claim is not None
    return claim.lease


def failed(store: JobStore, error_message: str = "It broke.") -> UUID:
    """Add a job and let it fail."""
    lease = claimed(store, added(store))
    assert store.fail(lease, error_message)
    return lease.job_id


def completed(store: JobStore) -> UUID:
    """Add a job and complete it."""
    lease = claimed(store, added(store))
    assert store.complete(lease, f"video_results/{lease.job_id}/{lease.token}.json")
    return lease.job_id


def lost(database: Database, store: JobStore) -> Lease:
    """Return the lease of a worker that was paused until its job was taken away and could be claimed again."""
    lease = claimed(store, added(store), "paused")
    let_lease_run_out(database, lease.job_id)
    assert store.expire_leases() == ([lease.job_id], [])
    let_rest_pass(database, lease.job_id)
    return lease


def tried(store: JobStore, lease: Lease) -> dict[str, object]:
    """Try everything that needs a lease; tell what succeeded."""
    return {name: write(store, lease) for name, write in WRITES.items()}


def waiting_hints(queue: QueueService) -> list[UUID]:
    """Take every hint there is."""
    hints = []
    while (job_id := queue.dequeue()) is not None:
        hints.append(job_id)
    return hints


class DownQueue:
    """A queue that does not answer."""

    def enqueue(self, job_id: UUID) -> None:
        """Raise."""
        raise ServiceUnavailable("The queue does not answer.")

    def dequeue(self, timeout_s: float = 0.0) -> UUID | None:
        """Raise."""
        raise ServiceUnavailable("The queue does not answer.")

    def size(self) -> int:
        """Raise."""
        raise ServiceUnavailable("The queue does not answer.")
