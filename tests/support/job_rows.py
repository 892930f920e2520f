"""The job table past the store: rows put in, read and changed without its guards."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from reelwork.db.engine import Database
from reelwork.db.types import UtcDateTime, database_now
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import Job
from tests.support.jobs import DEFINITION

COLUMNS = [column.name for column in Job.__table__.columns]

# Plain types: what the model would refuse must reach the table.
job_table = sa.table(
    "job",
    sa.column("job_id", sa.Uuid()),
    sa.column("status", sa.String()),
    sa.column("created_at", UtcDateTime()),
    sa.column("updated_at", UtcDateTime()),
    sa.column("input_path", sa.Text()),
    sa.column("output_path", sa.Text()),
    sa.column("error_message", sa.Text()),
    sa.column("pipeline", sa.String()),
    sa.column("pipeline_definition", sa.JSON()),
    sa.column("options", sa.JSON()),
    sa.column("source", sa.JSON(none_as_null=True)),
    sa.column("report", sa.JSON(none_as_null=True)),
    sa.column("owner", sa.String()),
    sa.column("external_id", sa.Text()),
    sa.column("input_bytes", sa.BigInteger()),
    sa.column("retention_s", sa.Float()),
    sa.column("expires_at", UtcDateTime()),
    sa.column("started_at", UtcDateTime()),
    sa.column("webhook_url", sa.Text()),
    sa.column("webhook_due_at", UtcDateTime()),
    sa.column("webhook_attempts", sa.Integer()),
    sa.column("attempt", sa.Integer()),
    sa.column("lost_attempts", sa.Text()),
    sa.column("not_before", UtcDateTime()),
    sa.column("lease_token", sa.Uuid()),
    sa.column("lease_expires_at", UtcDateTime()),
    sa.column("worker", sa.Text()),
)


def consistent_row(status: JobStatus, /, **columns: Any) -> dict[str, Any]:
    """Return the columns of a job that may be in ``status``."""
    moment = datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)
    running = status is JobStatus.RUNNING
    row = {
        "job_id": uuid4(),
        "status": str(status),
        "created_at": moment,
        "updated_at": moment,
        "input_path": "video_jobs/x.mp4",
        "output_path": "video_results/x/y.json" if status is JobStatus.COMPLETED else None,
        "error_message": "It broke." if status is JobStatus.FAILED else None,
        "pipeline": "frames",
        "pipeline_definition": DEFINITION,
        "options": {},
        "source": None,
        "report": None,
        "owner": None,
        "external_id": None,
        "input_bytes": None,
        "retention_s": None,
        "expires_at": None,
        "started_at": None,
        "webhook_url": None,
        "webhook_due_at": None,
        "webhook_attempts": 0,
        "attempt": 0 if status is JobStatus.PENDING else 1,
        "lost_attempts": None,
        "not_before": None,
        "lease_token": uuid4() if running else None,
        "lease_expires_at": moment + timedelta(days=36500) if running else None,
        "worker": "somebody" if running else None,
    }
    return row | columns


def insert_row(database: Database, row: dict[str, Any]) -> UUID:
    """Put a row into the table as it is."""
    with database.writing() as transaction:
        transaction.execute(sa.insert(job_table).values(**row))
    return row["job_id"]  # type: ignore[no-any-return]


def update_row(database: Database, job_id: UUID, /, **columns: Any) -> None:
    """Change columns of a row as they are."""
    with database.writing() as transaction:
        transaction.execute(sa.update(job_table).where(job_table.c.job_id == job_id).values(**columns))


def row_of(database: Database, job_id: UUID) -> dict[str, Any]:
    """Return every column of a row."""
    with database.reading() as transaction:
        found = transaction.execute(sa.select(Job.__table__).where(Job.job_id == job_id))
        return dict(found.mappings().one())


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that differ, as they are after."""
    return {name: after[name] for name in after if after[name] != before[name]}


def let_lease_run_out(database: Database, job_id: UUID) -> None:
    """Make the lease of a job one that ended a second ago, on the database's clock."""
    update_row(database, job_id, lease_expires_at=database_now(-1))


def let_rest_pass(database: Database, job_id: UUID) -> None:
    """Make the rest of a job one that ended a second ago, on the database's clock."""
    update_row(database, job_id, not_before=database_now(-1))


def grow_old(database: Database, job_id: UUID, age_s: float) -> None:
    """Make the last change of a job one of ``age_s`` seconds ago, on the database's clock."""
    update_row(database, job_id, updated_at=database_now(-age_s))


def clock_of(database: Database) -> datetime:
    """Return what the database's clock says."""
    with database.reading() as transaction:
        now = transaction.scalar(sa.select(database_now()))
        assert now is not None
        return now
