"""Tables full of jobs, half of them over and half waiting, made by a few statements on whole sets."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from benchmarks.other_queues import huey_on, huey_task
from reelwork.db.engine import Database
from reelwork.db.transaction import Transaction
from tests.support.jobs import DEFINITION

_COLUMNS = (
    "job_id, status, created_at, updated_at, input_path, output_path, pipeline, pipeline_definition, options, attempt"
)
_JOBS = {
    "sqlite": """
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
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
        FROM generate_series(1, CAST(:count AS integer)) AS n""",
}
_HINTS = "INSERT INTO queue_entry (job_id) SELECT job_id FROM job WHERE status = 'pending' ORDER BY created_at"

_MESSAGES = """
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
    INSERT INTO task (queue, data, priority) SELECT ?, ?, 0 FROM numbers"""

# Its triggers would write the same events row by row, and notify nobody a million times.
_WITHOUT_TRIGGERS = "SET LOCAL session_replication_role = replica"
_OTHER_JOBS = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)
    SELECT 'default', 'nothing', '{}',
           CAST(CASE n % 2 WHEN 1 THEN 'todo' ELSE 'succeeded' END AS procrastinate_job_status)
    FROM generate_series(1, CAST(:count AS integer)) AS n"""
_EVENTS = """
    INSERT INTO procrastinate_events (job_id, type)
    SELECT id, event FROM procrastinate_jobs,
           unnest(CAST(CASE status WHEN 'todo' THEN '{deferred}' ELSE '{deferred, started, succeeded}' END
                       AS procrastinate_job_event_type[])) AS event"""


def fill(database: Database, count: int) -> None:
    """Fill the tables of Reelwork; each job that waits has its hint."""
    jobs = text(_JOBS[database.engine.dialect.name].format(columns=_COLUMNS))
    with database.writing() as transaction, large_cache(database, transaction):
        transaction.execute(jobs, {"count": count, "definition": json.dumps(DEFINITION)})
        transaction.execute(text(_HINTS))


def fill_huey(path: Path, count: int) -> None:
    """Add a message for each of the jobs that waits; of a job that is over huey keeps nothing."""
    huey = huey_on(path)
    message = huey.serialize_task(huey_task(huey).s())
    huey.storage.sql(_MESSAGES, (count // 2, huey.storage.name, message), commit=True)
    huey.storage.close()


def fill_procrastinate(database: Database, count: int) -> None:
    """Fill the tables of procrastinate, which are there already, with the events too that it would have noted."""
    with database.writing() as transaction:
        transaction.execute(text(_WITHOUT_TRIGGERS))
        transaction.execute(text(_OTHER_JOBS), {"count": count})
        transaction.execute(text(_EVENTS))


@contextmanager
def large_cache(database: Database, transaction: Transaction) -> Iterator[None]:
    """Keep indexes of random keys in memory while they grow; what is measured later has the usual cache."""
    if not database.is_sqlite:
        yield
        return
    (usual,) = transaction.connection.exec_driver_sql("PRAGMA cache_size").one()
    transaction.connection.exec_driver_sql("PRAGMA cache_size = -524288")
    yield
    transaction.connection.exec_driver_sql(f"PRAGMA cache_size = {usual}")


def settle(database: Database) -> None:
    """Let the server and the disk do now what they would do during the measurement."""
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")
    os.sync()
