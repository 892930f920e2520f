"""From the tables of the first version to those of today, and back, with jobs in every status."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reelwork.db.engine import Database
from reelwork.db.migrate import current_revision, head_revision, migrate
from reelwork.jobs.attempts import WORKER_LOST
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import JobStore, Lease
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import opened, rows
from tests.support.job_rows import (
    COLUMNS,
    consistent_row,
    insert_row,
    job_table,
    let_lease_run_out,
    let_rest_pass,
    row_of,
    update_row,
)

BEFORE, AFTER = "0001", head_revision()
FIRST = {
    *("job_id", "status", "created_at", "updated_at", "input_path", "output_path", "error_message", "pipeline"),
    *("pipeline_definition", "options", "attempt", "lease_token", "lease_expires_at", "worker"),
}
NEW = set(COLUMNS) - FIRST


@pytest.fixture
def old(empty_database_url: str) -> Iterator[Database]:
    """A database of the first version."""
    with opened(empty_database_url) as database:
        migrate(database, BEFORE)
        yield database


def insert_old(database: Database, row: dict[str, Any]) -> UUID:
    """Insert a row as the first version did."""
    return insert_row(database, {name: value for name, value in row.items() if name not in NEW})


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return both tables, without the columns that the first version does not have."""
    jobs = rows(database, "SELECT * FROM job ORDER BY job_id")
    hints = rows(database, "SELECT position, job_id FROM queue_entry ORDER BY position")
    return {"job": [{name: job[name] for name in job if name not in NEW} for job in jobs], "queue_entry": hints}


@pytest.fixture
def jobs(old: Database) -> dict[JobStatus, dict[str, Any]]:
    """A job in every status, those that wait with a hint."""
    jobs = {status: consistent_row(status, options={"max_frames": 3}) for status in JobStatus}
    for row in jobs.values():
        insert_old(old, row)
    with old.writing() as transaction:
        transaction.execute(sa.text("INSERT INTO queue_entry (job_id) SELECT job_id FROM job WHERE status = 'pending'"))
    return jobs


def test_going_up_changes_nothing_that_is_there(old: Database, jobs: dict[JobStatus, dict[str, Any]]) -> None:
    before = everything(old)
    assert (len(before["job"]), len(before["queue_entry"])) == (4, 1)
    migrate(old, AFTER)
    assert current_revision(old) == AFTER
    assert everything(old) == before
    for row in jobs.values():
        assert row_of(old, row["job_id"]) == row  # the new columns are empty


def test_what_was_queued_and_running_goes_on(old: Database, jobs: dict[JobStatus, dict[str, Any]]) -> None:
    """A worker of before may still hold its lease: no restart of everything is needed."""
    migrate(old)
    store = JobStore(old, DatabaseQueue(old))
    claim = store.claim_next("one", 60)
    assert claim is not None
    assert claim.lease.job_id == jobs[JobStatus.PENDING]["job_id"]
    running = jobs[JobStatus.RUNNING]
    assert store.renew(Lease(running["job_id"], running["lease_token"], 1), 60)
    let_lease_run_out(old, running["job_id"])
    assert store.expire_leases() == ([running["job_id"]], [])
    assert row_of(old, running["job_id"])["lost_attempts"] == WORKER_LOST
    assert store.retry(jobs[JobStatus.FAILED]["job_id"])
    assert [files.job_id for files in store.delete_finished(0, 10)] == [jobs[JobStatus.COMPLETED]["job_id"]]


def test_a_job_that_had_lost_attempts_before_still_ends(old: Database) -> None:
    """Nobody wrote down why they were lost; the last cause is told."""
    job_id = insert_old(old, consistent_row(JobStatus.RUNNING, attempt=3))
    migrate(old)
    let_lease_run_out(old, job_id)
    assert JobStore(old, DatabaseQueue(old)).expire_leases() == ([], [job_id])
    assert row_of(old, job_id)["error_message"] == f"{WORKER_LOST}."


def test_going_down_drops_the_new_columns_alone(old: Database, jobs: dict[JobStatus, dict[str, Any]]) -> None:
    migrate(old, AFTER)
    for row in jobs.values():
        update_row(old, row["job_id"], lost_attempts="It crashed\nIt hung")
        let_rest_pass(old, row["job_id"])
    before = everything(old)
    migrate(old, BEFORE, lose_data=True)
    assert current_revision(old) == BEFORE
    assert everything(old) == before
    assert not NEW & rows(old, "SELECT * FROM job LIMIT 1")[0].keys()
    with pytest.raises(IntegrityError):  # the constraints are still there
        insert_old(old, consistent_row(JobStatus.RUNNING, lease_token=None, lease_expires_at=None))
    with pytest.raises(IntegrityError), old.writing() as transaction:
        transaction.execute(sa.update(job_table).values(status="cancelled"))
    migrate(old, AFTER)
    assert everything(old) == before
    for row in jobs.values():
        assert row_of(old, row["job_id"]) == row
