"""Pages of jobs are read from an index, in its order, among thousands of jobs: nothing is sorted, no table is read."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.listing import JobFilter, Position, read_page
from reelwork.jobs.model import JobTag
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.conftest import DIALECTS
from tests.migrations.test_indexes import generic_plan, plan
from tests.support.databases import PostgresqlDatabases, SqliteFiles, opened, run
from tests.support.job_rows import consistent_row, job_table

JOBS = 6000
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
DEEP = Position(MOMENT + timedelta(minutes=JOBS // 10), UUID(int=0))
STATUSES = (*[JobStatus.COMPLETED] * 8, JobStatus.FAILED, JobStatus.PENDING)

LISTED: dict[str, tuple[str, JobFilter]] = {
    "all": ("ix_job_created", JobFilter()),
    "pending": ("ix_job_pending", JobFilter(status=JobStatus.PENDING)),
    "completed": ("ix_job_ended", JobFilter(status=JobStatus.COMPLETED)),
    "failed": ("ix_job_ended", JobFilter(status=JobStatus.FAILED)),
    "pipeline": ("ix_job_pipeline", JobFilter(pipeline="p3")),
    "external id": ("ix_job_external_id", JobFilter(external_id="e3")),
    "owner": ("ix_job_owner", JobFilter(owner="k3")),
    "tag": ("ix_job_tag", JobFilter(tag="t3")),
}
TOGETHER: dict[str, tuple[str, JobFilter]] = {
    "owner's failed": ("ix_job_owner", JobFilter(owner="k3", status=JobStatus.FAILED)),
    "owner's pending of a pipeline": ("ix_job_owner", JobFilter(JobStatus.PENDING, "p3", owner="k3")),
    "completed of a pipeline": ("ix_job_pipeline", JobFilter(status=JobStatus.COMPLETED, pipeline="p3")),
    "owner's tag": ("ix_job_tag", JobFilter(tag="t3", owner="k3")),
    "owner's external id": ("ix_job_external_id", JobFilter(external_id="e3", owner="k3")),
}
READS_ALL = re.compile(r"Seq Scan|SCAN job$|SCAN job_tag$|SCAN job USING|SCAN job_tag USING", re.MULTILINE)
SORTS = re.compile(r"TEMP B-TREE|Sort Key")


@pytest.fixture(scope="module", params=DIALECTS)
def many_jobs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with jobs of every kind, and a few that run; made once, and only read."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            files: SqliteFiles = request.getfixturevalue("sqlite_files")
            url = files.migrated(tmp_path_factory.mktemp("listing") / "reelwork.db")
        else:
            databases: PostgresqlDatabases = request.getfixturevalue("postgresql_databases")
            url = stack.enter_context(databases.migrated())
        database = stack.enter_context(opened(url))
        _fill(database)
        yield database


def _fill(database: Database) -> None:
    rows, tags = [], []
    for number in range(JOBS):
        moment = MOMENT + timedelta(minutes=number)
        row = consistent_row(
            JobStatus.RUNNING if number % 600 == 7 else STATUSES[number % 10],
            created_at=moment,
            updated_at=moment,
            pipeline=f"p{number // 10 % 10}",
            external_id=f"e{number // 100 % 10}",
            owner=f"k{number // 10 % 5}",
        )
        rows.append(row)
        tags.append({"job_id": row["job_id"], "tag": f"t{number % 20}", "created_at": moment})
    with database.writing() as transaction:
        transaction.execute(sa.insert(job_table), rows)
        transaction.execute(sa.insert(JobTag.__table__), tags)
    run(database, "ANALYZE")


def plans(database: Database, call: Callable[[], object]) -> list[str]:
    """Return the plans of the statements that ``call`` sends, as they are run and as PostgreSQL would keep them."""
    sent: list[tuple[str, Any]] = []

    def see(connection: object, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", see)
    call()
    event.remove(database.engine, "before_cursor_execute", see)
    selects = [each for each in sent if re.search(r"(created|updated)_at", each[0])]
    assert selects
    made = [plan(database, *each) for each in selects]
    return made if database.is_sqlite else [*made, *(generic_plan(database, statement) for statement, _ in selects)]


@pytest.mark.parametrize("after", [None, DEEP], ids=["first page", "deep page"])
@pytest.mark.parametrize("what", LISTED)
def test_a_page_is_read_from_its_index_in_order(many_jobs: Database, what: str, after: Position | None) -> None:
    index, asked = LISTED[what]
    assert read_page(many_jobs, asked, 5, after).jobs
    for made in plans(many_jobs, lambda: read_page(many_jobs, asked, 5, after)):
        assert index in made, made
        assert not READS_ALL.search(made), made
        assert not SORTS.search(made), made


@pytest.mark.parametrize("after", [None, DEEP], ids=["first page", "deep page"])
@pytest.mark.parametrize("what", TOGETHER)
def test_where_more_is_asked_for_an_index_leads(many_jobs: Database, what: str, after: Position | None) -> None:
    """What is sorted afterwards are the jobs that were looked at, of which there are so many and no more."""
    index, asked = TOGETHER[what]
    for made in plans(many_jobs, lambda: read_page(many_jobs, asked, 5, after, look_at=50)):
        assert index in made, made
        assert not READS_ALL.search(made), made


def test_those_that_run_are_read_from_theirs(many_jobs: Database) -> None:
    asked = JobFilter(status=JobStatus.RUNNING, pipeline="p0")
    assert read_page(many_jobs, asked, 5).jobs
    for made in plans(many_jobs, lambda: read_page(many_jobs, asked, 5)):
        # All of this index is read: it is as small as the work in hand.
        assert "ix_job_running" in made, made
        assert not READS_ALL.search(made.replace("SCAN job USING INDEX ix_job_running", "")), made


def test_without_the_indexes_the_check_goes_red(database: Database) -> None:
    _fill(database)
    for index in sorted({index for index, _ in LISTED.values()}):
        run(database, f"DROP INDEX {index}")
    for _, asked in LISTED.values():
        made = plans(database, lambda asked=asked: read_page(database, asked, 5, DEEP))  # type: ignore[misc]
        assert any(READS_ALL.search(one) or SORTS.search(one) for one in made), made


def test_what_took_how_long_lately_is_read_from_an_index(many_jobs: Database) -> None:
    store = JobStore(many_jobs, DatabaseQueue(many_jobs))
    for made in plans(many_jobs, lambda: store.recent_runs("p3")):
        assert "ix_job_finished" in made, made
        assert not SORTS.search(made), made
