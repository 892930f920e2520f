"""What must be true of a service that was hurt."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from reelwork.db.engine import Database
from tests.support.databases import rows
from tests.support.service import Service


def job_rows(database: Database) -> dict[UUID, dict[str, Any]]:
    """Every job by its id, with the columns that tell what became of it."""
    found = rows(database, "SELECT job_id, status, attempt, lost_attempts, input_path, output_path FROM job")
    return {UUID(str(row["job_id"])): row for row in found}


def results_files(service: Service) -> list[str]:
    """The keys of all stored results."""
    return [name for name in service.stored_files() if name.startswith("video_results/")]


def assert_each_completed_once(
    service: Service, database: Database, job_ids: Sequence[UUID], frames: int
) -> dict[UUID, int]:
    """Check that each of the jobs was completed, once, with whole results; return the attempts each took.

    A worker that is killed right after a completion may not have told of it.
    """
    told = [event["job_id"] for event in service.events("job.completed")]
    found = job_rows(database)
    for job_id in job_ids:
        assert found[job_id]["status"] == "completed", found[job_id]
        assert told.count(str(job_id)) <= 1
        document = json.loads((service.data_dir / "files" / found[job_id]["output_path"]).read_bytes())
        assert [entry["frame_index"] for entry in document["results"]] == list(range(frames))
    return {job_id: found[job_id]["attempt"] for job_id in job_ids}


def assert_rescue_leaves_no_orphan(service: Service, database: Database) -> None:
    """Run one rescue pass over files of any age, and check that every file left belongs to a row."""
    done = service.start("rescue", "--orphan-age-s", "0", "--remove-foreign")
    assert done.process.wait(30) == 0, done.output
    of_rows = {row[path] for row in job_rows(database).values() for path in ("input_path", "output_path")}
    assert set(service.stored_files()) == of_rows - {None}
