"""Take the fence out of a worker under test: whoever once had a lease may write.

`REELWORK_FAULTS=fence_removed:reached` installs it.
"""

import fault_points


def reached(name: str) -> None:
    """Remove the token from the guard before the first write after a claim; then as in ``fault_points``."""
    if name.startswith("job."):
        from reelwork.jobs import store

        store._fence = lambda lease: (store.Job.job_id == lease.job_id, store.Job.status == store.JobStatus.RUNNING)
    fault_points.reached(name)
