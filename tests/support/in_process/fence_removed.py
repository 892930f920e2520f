"""Take the fence out of a worker under test: whoever once had a lease may write.

`REELWORK_FAULTS=fence_removed:reached` installs it.
"""

import fault_points
import mutation

_removed = False


def reached(name: str) -> None:
    """Remove the token from the guard before the first write after a claim; then as in ``fault_points``."""
    global _removed
    if name.startswith("job.") and not _removed:
        from reelwork.jobs import statements

        _removed = True
        mutation.mutate(statements, mutation.FENCE, mutation.NO_FENCE)
    fault_points.reached(name)
