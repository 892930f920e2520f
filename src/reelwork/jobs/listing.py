"""Pages of jobs, the newest first: each costs the same wherever it is and however many jobs there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, Text, Uuid, bindparam, exists, literal, select, tuple_

from reelwork.db.engine import Database
from reelwork.db.types import UtcDateTime
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.model import FINISHED, PENDING, RUNNING, Job, JobTag

_job = Job.metadata.tables[Job.__tablename__].c
_tag = JobTag.metadata.tables[JobTag.__tablename__].c

# No definition and no report: they are many times as large as the rest of a row.
_COLUMNS = (
    _job.job_id,
    _job.status,
    _job.created_at,
    _job.updated_at,
    _job.started_at,
    _job.expires_at,
    _job.pipeline,
    _job.external_id,
    _job.owner,
    _job.input_bytes,
    _job.error_message,
)


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are asked for: those of which all that is given is true."""

    status: JobStatus | None = None
    pipeline: str | None = None
    tag: str | None = None
    external_id: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class Position:
    """Where a page ends; the next begins behind it. Times may be equal, ids are not."""

    created_at: datetime
    job_id: UUID


@dataclass(frozen=True)
class ListedJob:
    """What a list tells of a job."""

    job_id: UUID
    status: JobStatus
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    expires_at: datetime | None
    pipeline: str
    external_id: str | None
    owner: str | None
    input_bytes: int | None
    error_message: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True)
class JobPage:
    """Some jobs, and where the next page begins; None behind the last."""

    jobs: list[ListedJob]
    next: Position | None


LOOK_AT = 2000
"""Where no index knows all that is asked for, a page ends behind so many jobs even if few of them are in it."""

_NEWEST = Position(datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


def read_page(
    database: Database, asked: JobFilter, limit: int, after: Position | None = None, look_at: int = LOOK_AT
) -> JobPage:
    """Return the next jobs behind a position, or the newest: ``limit`` of them, or fewer.

    Args:
        database: Where the table is.
        asked: Which jobs.
        limit: How many at most.
        after: Where the page before ended.
        look_at: Among how many jobs to look at most, for those that are asked for.
    """
    after = after or _NEWEST
    given = {name: value for name, value in vars(asked).items() if value is not None}
    statements = _statements(database.is_sqlite, asked.status, frozenset(given))
    given |= {"then": after.created_at, "that_job": after.job_id}
    rows = database.query(statements.page, {**given, "most": limit + 1, "look_at": look_at})
    tags = read_tags(database, [row.job_id for row in rows[:limit]])
    jobs = [ListedJob(**row._asdict(), tags=tags.get(row.job_id, ())) for row in rows[:limit]]
    if len(rows) > limit:
        return JobPage(jobs, Position(jobs[-1].created_at, jobs[-1].job_id))
    if statements.last_looked_at is None:
        return JobPage(jobs, None)
    last = database.query(statements.last_looked_at, {**given, "most": 1, "passed": look_at - 1})
    return JobPage(jobs, Position(*last[0]) if last else None)


def read_tags(database: Database, job_ids: Sequence[UUID]) -> dict[UUID, tuple[str, ...]]:
    """Return the tags of jobs, sorted; a job without any is left out."""
    tags: dict[UUID, tuple[str, ...]] = {}
    for job_id, tag in database.query(_TAGS_OF, {"the_jobs": job_ids}) if job_ids else ():
        tags[job_id] = (*tags.get(job_id, ()), tag)
    return tags


_TAGS_OF = (
    select(_tag.job_id, _tag.tag)
    .where(_tag.job_id.in_(bindparam("the_jobs", expanding=True)))
    .order_by(_tag.job_id, _tag.tag)
)

# -- statements -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Statements:
    """What reads a page, and what tells where it ends if not all that were looked at are in it."""

    page: Select[Any]
    last_looked_at: Select[Any] | None


_LEADERS = ("external_id", "tag", "running", "owner", "failed", "pending", "pipeline", "completed")
"""What is given leads to an index; the first of these, because the fewest jobs have it as a rule."""


@cache
def _statements(on_sqlite: bool, status: JobStatus | None, names: frozenset[str]) -> _Statements:
    """Build the statements for what is given, once.

    An index leads that ends in the order of the list: the page is read from it, and nothing is sorted.
    """
    given = names - {"status"} | ({str(status)} if status else set())
    leader = next((name for name in _LEADERS if name in given), "created")
    others = sorted(given - {leader})
    if leader == "running":
        return _Statements(_newest(_all_running(), others), None)
    looked_at = _led(leader, on_sqlite)
    if not others:
        return _Statements(looked_at.limit(_MOST), None)
    page = _newest(looked_at.limit(bindparam("look_at")).subquery(), others)
    position = looked_at.with_only_columns(_job.created_at, _job.job_id, maintain_column_froms=True)
    return _Statements(page, position.limit(_MOST).offset(bindparam("passed")))


_MOST: Any = bindparam("most")
_BEHIND = (bindparam("then", type_=UtcDateTime()), bindparam("that_job", type_=Uuid()))


def _led(leader: str, on_sqlite: bool) -> Select[Any]:
    """Read jobs in the order of an index.

    That a column equals a value is said as a range of the index, for PostgreSQL would otherwise believe that it finds
    such jobs quickly among all, the newest first, however few there are.
    """
    found = select(*_COLUMNS)
    match leader:
        case "created":
            return _behind(found, _job.created_at, _job.job_id)
        case "pending":
            return _behind(found.where(PENDING), _job.created_at, _job.job_id)
        case "failed" | "completed" if on_sqlite:
            # Beside the condition of the index, SQLite would take the range for a filter.
            ended = found.where(FINISHED, _job.status == JobStatus(leader))
            return _behind(ended, _job.created_at, _job.job_id)
        case "failed" | "completed":
            return _within(found.where(FINISHED), _job.status, literal(JobStatus(leader), _job.status.type))
        case "tag":
            joined = found.join_from(_tag.tag.table, _job.job_id.table, _tag.job_id == _job.job_id)
            return _within(joined, _tag.tag, _text("tag"))
    return _within(found, _job[leader], _text(leader))


def _within(found: Select[Any], column: Any, value: Any) -> Select[Any]:
    place = column.table.c
    return _behind(found.where(column >= value), column, place.created_at, place.job_id, equal_to=(value,))


def _behind(found: Select[Any], *order: Any, equal_to: tuple[Any, ...] = ()) -> Select[Any]:
    in_order = found.where(tuple_(*order) < tuple_(*equal_to, *_BEHIND))
    return in_order.order_by(*(column.desc() for column in order))


def _all_running() -> Subquery:
    """Read every running job: they are few. The offset keeps planners from mixing it with what is around it."""
    return select(*_COLUMNS).where(RUNNING).offset(0).subquery()


def _newest(found: Subquery, others: Sequence[str]) -> Select[Any]:
    """Of the jobs found, take those that the other things are true of."""
    place = (found.c.created_at, found.c.job_id)
    conditions = [_is_true(found, name) for name in others]
    page = select(found).where(tuple_(*place) < tuple_(*_BEHIND), *conditions)
    return page.order_by(*(column.desc() for column in place)).limit(_MOST)


def _is_true(found: Subquery, name: str) -> ColumnElement[bool]:
    if name == "tag":
        return exists().where(_tag.job_id == found.c.job_id, _tag.tag == _text("tag"))
    if name in _STATUSES:
        return found.c.status == JobStatus(name)
    return found.c[name] == _text(name)  # type: ignore[no-any-return]


_STATUSES = frozenset(map(str, JobStatus))


def _text(name: str) -> Any:
    return bindparam(name, type_=Text())
