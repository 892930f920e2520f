"""What is asked of the job table about deliveries: a row is its own outbox.

A delivery that is being made is one whose time lies ahead by a lease; if its maker is killed it is due again
when the lease is over. What becomes of it is written only while both its time and its count of attempts are
still those of that claim: not if somebody else has it meanwhile, nor if the job is being run again.
"""

from typing import Any

from sqlalchemy import Float, Integer, Uuid, and_, bindparam, func, select, update

from reelwork.db.types import UtcDateTime, database_now
from reelwork.jobs.model import HAS_WEBHOOK_DUE, Job, JobTag

_table = Job.metadata.tables[Job.__tablename__]
_job = _table.c
_tag = Job.metadata.tables[JobTag.__tablename__].c
_SECONDS: Any = bindparam("seconds", type_=Float())

# A subquery, because PostgreSQL compares an index with a clock only if it is read once.
_IS_DUE = and_(HAS_WEBHOOK_DUE, _job.webhook_due_at <= select(database_now()).scalar_subquery())

FIRST_DUE = select(func.min(_job.webhook_due_at), database_now()).where(HAS_WEBHOOK_DUE)

# Materialised by its lock, so that PostgreSQL picks them once. SKIP LOCKED (ignored by SQLite, which has one
# writer): processes that look at once take different ones.
_DUE = (
    select(_job.job_id)
    .where(_IS_DUE)
    .order_by(_job.webhook_due_at)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    .cte("due")
)
CLAIM = (
    update(_table)
    .where(_job.job_id.in_(select(_DUE.c.job_id)), _IS_DUE)
    .values(webhook_due_at=database_now(_SECONDS), webhook_attempts=_job.webhook_attempts + 1)
    .returning(
        _job.job_id,
        _job.status,
        _job.external_id,
        _job.error_message,
        _job.updated_at,
        _job.webhook_url,
        _job.webhook_attempts,
        _job.webhook_due_at,
    )
)

TAGS = select(_tag.job_id, _tag.tag).where(_tag.job_id.in_(bindparam("the_jobs", expanding=True))).order_by(_tag.tag)

_settle = (
    update(_table)
    .where(
        _job.job_id == bindparam("the_job", type_=Uuid()),
        _job.webhook_due_at == bindparam("claimed_until", type_=UtcDateTime()),
        _job.webhook_attempts == bindparam("attempts", type_=Integer()),
    )
    .returning(_job.job_id)
)
END = _settle.values(webhook_due_at=None)
TRY_AGAIN = _settle.values(webhook_due_at=database_now(_SECONDS))
PUT_OFF = TRY_AGAIN.values(webhook_attempts=_job.webhook_attempts - 1)
