"""Deliveries of webhooks, as the job table holds them and made up."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import JobTag
from reelwork.webhooks.outbox import Delivery
from reelwork.webhooks.signatures import make_secret, read_secrets
from tests.support.job_rows import clock_of, consistent_row, insert_row, job_table

SECRET = make_secret()
KEYS = read_secrets(SECRET)
MOMENT = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)


def make_delivery(url: str = "https://hooks.example.com/x", **given: Any) -> Delivery:
    """Make a delivery that stands in no table."""
    facts: dict[str, Any] = {
        "job_id": UUID(int=7),
        "status": JobStatus.COMPLETED,
        "ended_at": MOMENT,
        "url": url,
        "attempt": 1,
        "claimed_until": MOMENT,
    }
    return Delivery(**(facts | given))


def many_due(database: Database, url: str, count: int) -> list[UUID]:
    """Put as many jobs into the table whose client is to be told."""
    moment = clock_of(database)
    given = {"webhook_url": url, "webhook_due_at": moment}
    rows = [consistent_row(JobStatus.COMPLETED, **given) for _ in range(count)]
    with database.writing() as transaction:
        transaction.execute(sa.insert(job_table), rows)
    return [row["job_id"] for row in rows]


def due(
    database: Database,
    url: str,
    status: JobStatus = JobStatus.COMPLETED,
    *,
    since_s: float = 1.0,
    tags: tuple[str, ...] = (),
    **columns: Any,
) -> UUID:
    """Put a job into the table whose client is to be told since so many seconds."""
    moment = clock_of(database) - timedelta(seconds=since_s)
    given = {"job_id": uuid4(), "webhook_url": url, "webhook_due_at": moment, **columns}
    job_id = insert_row(database, consistent_row(status, **given))
    with database.writing() as transaction:
        for tag in tags:
            transaction.execute(sa.insert(JobTag), {"job_id": job_id, "tag": tag, "created_at": moment})
    return job_id
