"""Every statement on the job table, built once: to build one takes longer than to run it.

Each change of status is one guarded UPDATE: it names the status it moves from, so that of two writers
only one succeeds, and after a claim it carries the lease token, so that a worker that lost its lease
changes nothing. Nothing is read first and written later.
"""

from typing import Any

from sqlalchemy import JSON, Float, Text, Update, Uuid, and_, bindparam, case, delete, func, insert, or_, select, update

from reelwork.db.types import database_now
from reelwork.jobs.lifecycle import TRANSITIONS, JobStatus
from reelwork.jobs.model import EXPIRES, FINISHED, PENDING, QUEUED_BY_A_KEY, RUNNING, Job, JobTag

_table = Job.metadata.tables[Job.__tablename__]
_job = _table.c
_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None, "worker": None}
_FILES = (_job.job_id, _job.input_path, _job.output_path)

# Whatever ends a job says by the same write until when it is kept and that its client is to be told.
_WHEN_OVER: dict[str, Any] = {
    "expires_at": case((_job.retention_s.is_not(None), database_now(_job.retention_s))),
    "webhook_due_at": case((_job.webhook_url.is_not(None), database_now())),
    "webhook_attempts": 0,
}
_NOT_OVER: dict[str, Any] = {"expires_at": None, "webhook_due_at": None}

# What is given when a statement is run. None of these is the name of a column.
_THE_JOB = bindparam("the_job", type_=Uuid())
_TOKEN = bindparam("token", type_=Uuid())
_SECONDS: Any = bindparam("seconds", type_=Float())


def _text(name: str) -> Any:
    return bindparam(name, type_=Text())


def _move(source: JobStatus, target: JobStatus) -> Update:
    assert (source, target) in TRANSITIONS
    moved = update(_table).where(_job.status == source).values(status=target, updated_at=database_now())
    return moved.values(_WHEN_OVER) if target in (JobStatus.COMPLETED, JobStatus.FAILED) else moved


_IS_THE_JOB = _job.job_id == _THE_JOB
_FENCE = and_(_IS_THE_JOB, _job.lease_token == _TOKEN, _job.status == JobStatus.RUNNING)
_HAS_RESTED = or_(_job.not_before.is_(None), _job.not_before <= database_now())
_LEASE_RAN_OUT = and_(RUNNING, _job.lease_expires_at < database_now())

INSERT = insert(_table)
_tag = JobTag.metadata.tables[JobTag.__tablename__]
# The database's clock stamps the job, and its tags must say the same.
INSERT_TAG = insert(_tag).from_select(
    ["job_id", "tag", "created_at"], select(_job.job_id, _text("word"), _job.created_at).where(_IS_THE_JOB)
)
GET = select(_table).where(_IS_THE_JOB)
GET_MANY = select(_table).where(_job.job_id.in_(bindparam("the_jobs", expanding=True)))
# No more of the rows than a poll tells: definitions and reports are long.
STANDING = select(_job.status, _job.updated_at, _job.owner).where(_IS_THE_JOB)
STANDINGS = select(_job.job_id, _job.status, _job.updated_at, _job.owner).where(
    _job.job_id.in_(bindparam("the_jobs", expanding=True))
)

# What a key has pending and running.
QUEUED = select(func.count(), func.coalesce(func.sum(_job.input_bytes), 0)).where(
    _job.owner == _text("the_owner"), QUEUED_BY_A_KEY
)

# Whatever the table holds, so many are looked at and no more: an estimate is not worth a search.
_LATELY = (
    select(_job.pipeline, _job.status, _job.started_at, _job.updated_at, _job.report)
    .where(FINISHED)
    .order_by(_job.updated_at.desc())
    .limit(500)
    .subquery()
)
RECENT_RUNS = (
    select(_LATELY.c.started_at, _LATELY.c.updated_at, _LATELY.c.report)
    .where(_LATELY.c.pipeline == _text("name"), _LATELY.c.status == JobStatus.COMPLETED)
    .where(_LATELY.c.started_at.is_not(None))
    .limit(20)
)

# -- claims ---------------------------------------------------------------------------------------------

_CLAIM = (
    _move(JobStatus.PENDING, JobStatus.RUNNING)
    .where(_HAS_RESTED)
    .values(
        attempt=_job.attempt + 1,
        lease_token=_TOKEN,
        lease_expires_at=database_now(_SECONDS),
        worker=_text("holder"),
        started_at=database_now(),
    )
    .returning(
        _job.job_id,
        _job.attempt,
        _job.input_path,
        _job.pipeline_definition,
        _job.options,
        _job.started_at,
        func.coalesce(_job.not_before, _job.created_at).label("waiting_since"),
    )
)
_OLDEST = select(_job.job_id).where(PENDING, _HAS_RESTED).order_by(_job.created_at).limit(1)

CLAIM = _CLAIM.where(_IS_THE_JOB)

# An idle worker only reads: a write would wait its turn for nothing.
ANY_WAITING = _OLDEST

# When to look again if nothing waits.
FIRST_REST = select(func.min(_job.not_before), database_now()).where(PENDING)

# SKIP LOCKED (ignored by SQLite, which has one writer): workers that look at once take different jobs.
CLAIM_OLDEST = _CLAIM.where(_job.job_id == _OLDEST.with_for_update(skip_locked=True).scalar_subquery())

# -- what the holder of a lease may do ------------------------------------------------------------------

RENEW = update(_table).where(_FENCE).values(lease_expires_at=database_now(_SECONDS)).returning(_job.job_id)

COMPLETE = (
    _move(JobStatus.RUNNING, JobStatus.COMPLETED)
    .where(_FENCE)
    .values(output_path=_text("stored_at"), report=bindparam("told", type_=JSON(none_as_null=True)), **_NO_LEASE)
    .returning(_job.job_id)
)
FAIL = (
    _move(JobStatus.RUNNING, JobStatus.FAILED)
    .where(_FENCE)
    .values(error_message=_text("message"), **_NO_LEASE)
    .returning(_job.job_id)
)
RELEASE = (
    _move(JobStatus.RUNNING, JobStatus.PENDING)
    .where(_FENCE)
    .values(attempt=_job.attempt - 1, not_before=database_now(), **_NO_LEASE)
    .returning(_job.job_id)
)

# -- lost attempts --------------------------------------------------------------------------------------

# To note the cause locks the rows; what becomes of each is said by the two moves below.
_NOTE_CAUSE = (
    update(_table)
    .values(lost_attempts=func.coalesce(_job.lost_attempts + "\n", "") + _text("cause"))
    .returning(_job.job_id, _job.attempt, _job.lost_attempts)
)
LOSE_ATTEMPT = _NOTE_CAUSE.where(_FENCE)
EXPIRE_LEASES = _NOTE_CAUSE.where(_LEASE_RAN_OUT)
FIRST_LEASE = select(func.min(_job.lease_expires_at), database_now()).where(RUNNING)

LET_REST = (
    _move(JobStatus.RUNNING, JobStatus.PENDING)
    .where(_IS_THE_JOB)
    .values(not_before=database_now(_SECONDS), **_NO_LEASE)
)
FAIL_AFTER_THE_LAST = (
    _move(JobStatus.RUNNING, JobStatus.FAILED).where(_IS_THE_JOB).values(error_message=_text("message"), **_NO_LEASE)
)

# -- what people and the clock do -----------------------------------------------------------------------

RETRY = (
    _move(JobStatus.FAILED, JobStatus.PENDING)
    .where(_IS_THE_JOB)
    .values(attempt=0, error_message=None, lost_attempts=None, not_before=database_now(), **_NOT_OVER)
    .returning(_job.job_id, _job.owner, _job.input_bytes)
)
DELETE = delete(_table).where(_IS_THE_JOB).returning(*_FILES)

# A subquery, because PostgreSQL compares an index with a clock only if it is read once.
_ENDED_LONG_AGO = and_(
    FINISHED, _job.updated_at < select(database_now(_SECONDS)).scalar_subquery(), _job.expires_at.is_(None)
)
_FIRST_ENDED = select(_job.job_id).where(_ENDED_LONG_AGO).order_by(_job.updated_at).limit(bindparam("most"))
# Guarded again: one of them may be retried at this moment.
DELETE_FINISHED = delete(_table).where(_job.job_id.in_(_FIRST_ENDED), _ENDED_LONG_AGO).returning(*_FILES)

# No status is asked for: a retry takes the time away.
_EXPIRED = and_(EXPIRES, _job.expires_at < select(database_now()).scalar_subquery())
_FIRST_EXPIRED = select(_job.job_id).where(_EXPIRED).order_by(_job.expires_at).limit(bindparam("most"))
DELETE_EXPIRED = delete(_table).where(_job.job_id.in_(_FIRST_EXPIRED), _EXPIRED).returning(*_FILES)
