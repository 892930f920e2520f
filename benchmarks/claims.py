"""What it takes to get a job to work on, as the tables grow."""

import json
from uuid import UUID

from sqlalchemy import select, text

from benchmarks.databases import opened, postgresql_url, sqlite_url
from benchmarks.rounds import in_ms, percentile, timed
from reelwork.db.engine import Database
from reelwork.jobs.model import PENDING, Job
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.jobs import DEFINITION

_SIZES = (1_000, 100_000, 1_000_000)
_TIMES = 120
_COLUMNS = (
    "job_id, status, created_at, updated_at, input_path, output_path, pipeline, pipeline_definition, options, attempt"
)
# Half of the rows are over, half wait, and each that waits has its hint.
_FILL = {
    "sqlite": """
        WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
        INSERT INTO job ({columns})
        SELECT lower(hex(randomblob(16))), iif(n % 2, 'pending', 'completed'),
               strftime('%Y-%m-%d %H:%M:%f000', '2024-01-01', n || ' seconds'),
               strftime('%Y-%m-%d %H:%M:%f000', '2024-01-01', n || ' seconds'),
               'video_jobs/x.mp4', iif(n % 2, NULL, 'results/x.json'), 'frames', :definition, '{{}}', 0
        FROM numbers""",
    "postgresql": """
        INSERT INTO job ({columns})
        SELECT gen_random_uuid(), CASE n % 2 WHEN 1 THEN 'pending' ELSE 'completed' END,
               timestamptz '2024-01-01' + n * interval '1 second', timestamptz '2024-01-01' + n * interval '1 second',
               'video_jobs/x.mp4', CASE n % 2 WHEN 1 THEN NULL ELSE 'results/x.json' END, 'frames',
               CAST(:definition AS json), '{{}}', 0
        FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n""",
}
_NO_LONGER = "DELETE FROM queue_entry WHERE job_id IN (SELECT job_id FROM job WHERE status <> 'pending')"
_HINTS = """
    INSERT INTO queue_entry (job_id) SELECT job_id FROM job
    WHERE status = 'pending' AND job_id NOT IN (SELECT job_id FROM queue_entry) ORDER BY created_at"""


def run() -> None:
    """Measure and print."""
    for name, url in (("SQLite", sqlite_url), ("PostgreSQL", postgresql_url)):
        with url() as there, opened(there) as database:
            _measure(name, database)


def _measure(name: str, database: Database) -> None:
    queue = DatabaseQueue(database)
    store = JobStore(database, queue)

    def by_hint() -> None:
        job_id = queue.dequeue()
        assert job_id is not None
        assert store.claim(job_id, "benchmark", 3600)

    def by_looking() -> None:
        assert store.claim_next("benchmark", 3600)

    def claim_alone() -> None:
        assert store.claim(next(known), "benchmark", 3600)

    ways = {"hint, then claim": by_hint, "claim alone": claim_alone, "claim the oldest": by_looking}
    before: dict[str, float] = {}
    for first, size in zip((0, *_SIZES), _SIZES, strict=False):
        _fill(database, first + 1, size)
        known = iter(_newest(database))
        for way, claim in ways.items():
            timed(claim, 20)
            taken = timed(claim, _TIMES)
            median = percentile(taken, 50)
            growth = f"x{median / before.setdefault(way, median):.2f} of 1 k"
            print(f"{name:10} {size:>9,} rows   {way:17} {in_ms(taken)}   {growth}")
        taken = timed(queue.size, 20)
        print(f"{name:10} {size:>9,} rows   {'size of queue':17} {in_ms(taken)}   says {queue.size():,}")


def _fill(database: Database, first: int, last: int) -> None:
    statement = text(_FILL[database.engine.dialect.name].format(columns=_COLUMNS))
    with database.writing() as transaction:
        transaction.execute(statement, {"first": first, "last": last, "definition": json.dumps(DEFINITION)})
        transaction.execute(text(_NO_LONGER))
        transaction.execute(text(_HINTS))
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


def _newest(database: Database) -> list[UUID]:
    """Jobs at the end of the line, out of the way of the other claims."""
    with database.reading() as transaction:
        newest = select(Job.job_id).where(PENDING).order_by(Job.created_at.desc()).limit(_TIMES + 20)
        return list(transaction.scalars(newest))
