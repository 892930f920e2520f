"""The running service against its own description: every request schemathesis can think of, every check it knows."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

ROOT = Path(__file__).parent.parent.parent
_HOOKS = "tests.support.schemathesis_hooks"
_LONGEST_LINE = 400

_CONFIG = """
[auth.openapi.bearer]
bearer = "{key}"

[dictionaries.jobs]
values = [{jobs}]

[parameters]
"path.job_id" = {{dictionary = "jobs", probability = 0.5}}

[phases.stateful.inference]
algorithms = ["location-headers", "dependency-analysis"]

[[operations]]
include-name = "POST /video/submit"
checks.positive_data_acceptance.expected-statuses = [{accepted}, 400, 415, 422]
"""

# What is right for these depends on more than a schema can say: on the job that is asked about, on the page before,
# on two options together. That they say what is wrong is one of our own checks; see the hooks.
_JUDGED_BY_MORE = """
[[operations]]
include-name = "{operation}"
checks.positive_data_acceptance.expected-statuses = [{accepted}, 422]
"""
_MORE = (
    "GET /video/jobs",
    "GET /video/results/{job_id}",
    "GET /video/jobs/{job_id}/intervals",
    "GET /video/jobs/{job_id}/frames/{number}.jpg",
)
_ACCEPTED = '"2xx", "3xx", 401, 403, 404, 409, 429'


def conformance(url: str, key: str, jobs: Sequence[UUID], folder: Path, examples: int, seed: int) -> tuple[int, str]:
    """Try every operation of the service.

    Args:
        url: Where it is.
        key: An API key that may do everything.
        jobs: Some that exist.
        folder: For its files.
        examples: How many requests to think of for each operation and phase.
        seed: What the dice begin with.

    Returns:
        The exit code, 0 if nothing was found, and what it says.
    """
    config = folder / "schemathesis.toml"
    named = ", ".join(f'"{job}"' for job in jobs)
    judged = [_JUDGED_BY_MORE.format(operation=operation, accepted=_ACCEPTED) for operation in _MORE]
    config.write_text("".join([_CONFIG.format(key=key, jobs=named, accepted=_ACCEPTED), *judged]))
    options = [
        "--checks",
        "all",
        "--workers",
        "2",
        "--max-examples",
        str(examples),
        "--seed",
        str(seed),
        "--no-color",
        "--generation-database",
        "none",
    ]
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/openapi.json"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": _HOOKS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    # A request that went wrong is shown with its whole video.
    said = re.sub(rf"(?m)^(.{{{_LONGEST_LINE}}}).*$", r"\1...", done.stdout + done.stderr)
    return done.returncode, said
