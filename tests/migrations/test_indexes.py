"""The partial indexes, and that the job store's statements really use them, among thousands of jobs that are over."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from reelwork.access.model import ApiKey
from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.statistics import JobStatistics
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from reelwork.webhooks.outbox import Outbox
from tests.support.databases import run
from tests.support.job_rows import consistent_row, job_table

FINISHED = 4000
IN_HAND = 30
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)

USES: dict[str, tuple[str, Callable[[JobStore], object]]] = {
    "claim_next": ("ix_job_pending", lambda store: store.claim_next("one", 60)),
    "expire_leases": ("ix_job_running", lambda store: store.expire_leases()),
    "delete_finished": ("ix_job_finished", lambda store: store.delete_finished(60, 10)),
    "first webhook": ("ix_job_webhook", lambda store: Outbox(store._database).due_in_s()),
    "claim webhooks": ("ix_job_webhook", lambda store: Outbox(store._database).claim(10, 60)),
    "delete_expired": ("ix_job_expires", lambda store: store.delete_expired(10)),
}
LIMITED = "limited"


@pytest.fixture
def many_jobs(database: Database) -> Database:
    """A database with a long past and a little work in hand."""
    rows = []
    for number in range(FINISHED + IN_HAND):
        over = (JobStatus.COMPLETED, JobStatus.FAILED)[number % 2]
        in_hand = (JobStatus.PENDING, JobStatus.RUNNING)[number % 2]
        moment = MOMENT + timedelta(minutes=number)
        row = consistent_row(over if number < FINISHED else in_hand, created_at=moment, updated_at=moment)
        row |= {"expires_at": moment} if number % 50 == 0 else {}
        row |= {"lease_expires_at": moment} if row["lease_token"] else {}
        rows.append(row | ({"webhook_due_at": moment} if FINISHED - IN_HAND < number < FINISHED else {}))
    with database.writing() as transaction:
        transaction.execute(sa.insert(job_table), rows)
        key = {"key_id": LIMITED, "secret_sha256": "", "name": "", "scopes": "", "max_queued_jobs": 10}
        transaction.execute(sa.insert(ApiKey.__table__), key)
    run(database, "ANALYZE")
    return database


Statement = tuple[str, Any]


def statements_of(database: Database, call: Callable[[], object]) -> list[Statement]:
    """Return the statements on the job table that ``call`` sends, except those that name one job by its id."""
    statements: list[Statement] = []

    def see(connection: object, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        statements.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", see)
    call()
    event.remove(database.engine, "before_cursor_execute", see)
    return [each for each in statements if re.search(r"(FROM|UPDATE) job\b", each[0]) and not BY_ID.search(each[0])]


BY_ID = re.compile(r"job\.job_id = (\?|%\()")


def plan(database: Database, statement: str, parameters: Any = None) -> str:
    """Return the plan the database makes for a statement."""
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    return explained(database, f"{explain} {statement}", parameters)


def generic_plan(database: Database, statement: str) -> str:
    """Return the plan that PostgreSQL keeps for a prepared statement, made without looking at the parameters."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    numbered = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", statement)
    return explained(database, f"EXPLAIN (GENERIC_PLAN) {numbered}")


def explained(database: Database, statement: str, parameters: Any = None) -> str:
    with database.reading() as transaction:
        lines = transaction.connection.exec_driver_sql(statement, parameters).all()
    return "\n".join(str(line[-1]) for line in lines)


def looks_at_every_job(plan: str) -> bool:
    """Tell whether a plan reads the table or an index of it as a whole, or sorts what an index would give in order."""
    every = r"Seq Scan on job|SCAN job(?! USING INDEX ix_job_)|(SCAN job USING INDEX|Index Scan using) ix_job_created"
    return bool(re.search(rf"{every}|SEARCH job$|TEMP B-TREE|Sort Key", plan))


@pytest.mark.parametrize("name", USES)
def test_it_is_used(many_jobs: Database, name: str) -> None:
    index, call = USES[name]
    store = JobStore(many_jobs, DatabaseQueue(many_jobs))
    statements = statements_of(many_jobs, lambda: call(store))
    assert statements
    for statement, parameters in statements:
        made = plan(many_jobs, statement, parameters)
        assert index in made
        assert not looks_at_every_job(made), made
        if not many_jobs.is_sqlite:
            kept = generic_plan(many_jobs, statement)
            assert index in kept
            assert not looks_at_every_job(kept), kept


@pytest.mark.parametrize("name", USES)
def test_without_it_the_check_goes_red(many_jobs: Database, name: str) -> None:
    index, call = USES[name]
    run(many_jobs, f"DROP INDEX {index}")
    store = JobStore(many_jobs, DatabaseQueue(many_jobs))
    statements = statements_of(many_jobs, lambda: call(store))
    assert any(looks_at_every_job(plan(many_jobs, statement, parameters)) for statement, parameters in statements)


def test_what_a_key_has_queued_is_counted_without_reading_its_past(many_jobs: Database) -> None:
    store = JobStore(many_jobs, DatabaseQueue(many_jobs))
    [(statement, parameters)] = statements_of(many_jobs, lambda: store.require_room(LIMITED))
    assert "ix_job_queued" in plan(many_jobs, statement, parameters)
    assert many_jobs.is_sqlite or "ix_job_queued" in generic_plan(many_jobs, statement)


def test_jobs_that_are_too_young_to_be_deleted_are_not_read(many_jobs: Database) -> None:
    """The age is a bound of the search in the index, not a filter on all that it holds."""
    store = JobStore(many_jobs, DatabaseQueue(many_jobs))
    [(statement, parameters)] = statements_of(many_jobs, lambda: store.delete_finished(10**9, 10))
    bound = r"ix_job_finished \(updated_at<\?\)" if many_jobs.is_sqlite else r"Index Cond: \(updated_at < "
    assert re.search(bound, plan(many_jobs, statement, parameters))


def test_jobs_are_counted_in_indexes(many_jobs: Database) -> None:
    statements = statements_of(many_jobs, lambda: JobStatistics(many_jobs).by_status())
    assert len(statements) == len(JobStatus)
    plans = [plan(many_jobs, statement, parameters) for statement, parameters in statements]
    assert "ix_job_pending" in plans[0]
    assert "ix_job_running" in plans[1]
    if many_jobs.is_sqlite:  # PostgreSQL rightly reads the table where most of it is asked for
        assert not any(map(looks_at_every_job, plans)), plans
