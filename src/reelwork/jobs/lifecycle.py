"""The states of a job and the moves between them, said once.

The store's guarded UPDATEs and the table's CHECK constraints are made from what stands here.
"""

from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


TRANSITIONS: dict[tuple[JobStatus, JobStatus], str] = {
    (JobStatus.PENDING, JobStatus.RUNNING): "a worker claimed it",
    (JobStatus.RUNNING, JobStatus.COMPLETED): "its results are stored",
    (JobStatus.RUNNING, JobStatus.FAILED): "the pipeline raised, or the attempts ran out",
    (JobStatus.RUNNING, JobStatus.PENDING): "its worker died or was stopped",
    (JobStatus.FAILED, JobStatus.PENDING): "a person asked for a retry",
}
"""Every move there is, and what makes it."""

PROGRESS: dict[JobStatus, float] = {
    JobStatus.PENDING: 0.0,
    JobStatus.RUNNING: 0.5,
    JobStatus.COMPLETED: 1.0,
    JobStatus.FAILED: 1.0,
}
"""Coarse on purpose: nothing finer is promised."""
