"""A database is used by the process that opened it, and by no other."""

import subprocess
import sys
from pathlib import Path

import pytest

from reelwork.db.engine import Database
from tests.support.databases import run

MOMENTS = (
    "before it is connected",
    "when the pool is filled",
    "within a transaction",
    "at the commit",
    "past the transactions",
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_forked_child_is_refused_and_its_parent_goes_on(database: Database, database_url: str, moment: str) -> None:
    run(database, "INSERT INTO queue_entry (position, job_id) VALUES (1, :job_id)", job_id="1" * 32)
    command = [sys.executable, "-m", "tests.support.writer_processes", "use_across_a_fork", database_url, moment]
    done = subprocess.run(command, cwd=Path.cwd(), capture_output=True, text=True, check=True, timeout=60)
    said_by_child, position = done.stdout.splitlines()
    assert said_by_child.startswith("ConfigurationError: The database was opened by process ")
    assert "instead of forking it" in said_by_child
    assert position == "11"
    assert done.stderr == ""
