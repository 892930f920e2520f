"""A page of a hundred jobs, by the size of the table, by what is asked for, and by how deep the page is.

One job in two is completed, one in ten failed, the others wait. There are ten pipelines, ten owners and fifty tags;
every job has an external id of its own. A deep page begins behind nine tenths of the jobs that are asked for.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from sqlalchemy import text

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.filling import large_cache, settle
from benchmarks.rounds import in_ms, in_turns, percentile
from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.listing import JobFilter, Position, read_page
from tests.support.jobs import DEFINITION

_SIZES = (10_000, 1_000_000)
_TIMES = 60
_PAGE = 100
_COLUMNS = (
    "job_id, status, created_at, updated_at, input_path, output_path, error_message, pipeline, pipeline_definition, "
    "options, attempt, external_id, owner"
)
_ROW = """
    CASE WHEN n % 10 < 5 THEN 'completed' WHEN n % 10 = 5 THEN 'failed' ELSE 'pending' END, {moment}, {moment},
    'video_jobs/x.mp4', CASE WHEN n % 10 < 5 THEN 'results/x.json' END, CASE WHEN n % 10 = 5 THEN 'It broke.' END,
    'pipeline_' || ((n / 10) % 10), {definition}, '{{}}', 0, 'mine-' || n, 'key' || ((n / 100) % 10)
    FROM {numbers}"""
_ONE_TO_COUNT = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
_JOBS = {
    "sqlite": f"{_ONE_TO_COUNT} INSERT INTO job ({_COLUMNS}) SELECT lower(hex(randomblob(16))), "
    + _ROW.format(
        moment="strftime('%Y-%m-%d %H:%M:%f000', '2024-01-01', n || ' seconds')",
        definition=":definition",
        numbers="numbers",
    ),
    "postgresql": f"INSERT INTO job ({_COLUMNS}) SELECT gen_random_uuid(), "
    + _ROW.format(
        moment="timestamptz '2024-01-01' + n * interval '1 second'",
        definition="CAST(:definition AS json)",
        numbers="generate_series(1, CAST(:count AS integer)) AS n",
    ),
}
_TAGS = """
    INSERT INTO job_tag (job_id, tag, created_at)
    SELECT job_id, 'tag_' || (CAST(substr(external_id, 6) AS integer) % 50), created_at FROM job"""

_ASKED = {
    "everything": JobFilter(),
    "pending": JobFilter(status=JobStatus.PENDING),
    "failed": JobFilter(status=JobStatus.FAILED),
    "a pipeline": JobFilter(pipeline="pipeline_3"),
    "a tag": JobFilter(tag="tag_7"),
    "an external id": JobFilter(external_id="mine-4321"),
    "an owner": JobFilter(owner="key3"),
    "an owner's failed": JobFilter(owner="key3", status=JobStatus.FAILED),
    "an owner's, of a pipeline, completed": JobFilter(owner="key3", status=JobStatus.COMPLETED, pipeline="pipeline_3"),
    "a tag, failed": JobFilter(tag="tag_5", status=JobStatus.FAILED),
    "a tag, of a pipeline, that nobody has": JobFilter(tag="tag_7", pipeline="nothing"),
}


def run() -> None:
    """Measure and print."""
    _measure("SQLite", sqlite_url)
    _measure("PostgreSQL", postgresql_url)


def _measure(name: str, url: Callable[[], AbstractContextManager[str]]) -> None:
    with ExitStack() as stack:
        tables = {size: stack.enter_context(_table(size, url)) for size in _SIZES}
        for what, asked in _ASKED.items():
            ways = {
                (size, place): _reader(database, asked, size if place == "deep" else None)
                for size, database in tables.items()
                for place in ("first", "deep")
            }
            in_turns(ways, 10)
            taken = in_turns(ways, _TIMES)
            small = percentile(taken[_SIZES[0], "first"], 50)
            for (size, place), seconds in taken.items():
                growth = percentile(seconds, 50) / small
                print(f"{name:10} {what:38} {size:>9,} jobs  {place:5}  {in_ms(seconds)}   x{growth:.2f}", flush=True)


def _reader(database: Database, asked: JobFilter, deep_in: int | None) -> Callable[[], object]:
    after = _nine_tenths_down(database, deep_in) if deep_in else None
    return lambda: read_page(database, asked, _PAGE, after)


def _nine_tenths_down(database: Database, size: int) -> Position:
    """Find a job near the other end by its number, which is also its age."""
    [job] = read_page(database, JobFilter(external_id=f"mine-{size // 10}"), 1).jobs
    return Position(job.created_at, job.job_id)


@contextmanager
def _table(size: int, url: Callable[[], AbstractContextManager[str]]) -> Iterator[Database]:
    with url() as where, opened(where) as database:
        with database.writing() as transaction, large_cache(database, transaction):
            jobs = text(_JOBS[database.engine.dialect.name])
            transaction.execute(jobs, {"count": size, "definition": json.dumps(DEFINITION)})
            transaction.execute(text(_TAGS))
        settle(database)
        yield database
