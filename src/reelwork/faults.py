"""Named points on the way of a job, where a test can kill, stop or break the process.

In production a point is a function that does nothing. When ``REELWORK_FAULTS`` names a function
(``module:function``) as the process starts, that one is called with the name of each point instead.
"""

import os
import pkgutil
from collections.abc import Callable


def _nothing(name: str) -> None:
    pass


point: Callable[[str], None] = _nothing

if _handler := os.environ.get("REELWORK_FAULTS"):
    point = pkgutil.resolve_name(_handler)
