"""Notes the fault points that a process under test passes.

`REELWORK_FAULTS=walked:reached` installs it; each point becomes a line of the file that `WALK_FILE` names, with the
command whose process passed it.
"""

import os
import sys
from pathlib import Path


def reached(name: str) -> None:
    """Add a line, in one write."""
    with Path(os.environ["WALK_FILE"]).open("a") as lines:
        lines.write(f"{sys.argv[1]} {name}\n")
