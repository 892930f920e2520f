"""What is read at a glance is what a query reads, and nothing is waited for."""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from reelwork.db.engine import Database
from reelwork.db.glance import Glance
from reelwork.jobs import statements
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import opened, sqlite_url
from tests.support.jobs import make_job


def made(database: Database) -> Glance:
    glance = database.glance(statements.STANDING)
    assert glance is not None
    return glance


def test_it_reads_what_a_query_reads(sqlite_database: Database) -> None:
    store = JobStore(sqlite_database, DatabaseQueue(sqlite_database))
    jobs = [make_job(), make_job()]
    for job in jobs:
        store.add(job)
    store.claim(jobs[1].job_id, "somebody", 60)
    glance = made(sqlite_database)
    for job in jobs:
        asked = {"the_job": job.job_id}
        assert glance.rows(asked) == [tuple(row) for row in sqlite_database.query(statements.STANDING, asked)]
        assert store.standing_now(job.job_id) == [*store.standings([job.job_id]).values()]


def test_it_sees_each_change_at_once(sqlite_database: Database) -> None:
    store = JobStore(sqlite_database, DatabaseQueue(sqlite_database))
    job = make_job()
    assert store.standing_now(job.job_id) == []
    store.add(job)
    assert store.standing_now(job.job_id) == [*store.standings([job.job_id]).values()] != []


def test_it_does_not_wait_for_a_file_that_is_locked(sqlite_database: Database) -> None:
    glance = made(sqlite_database)
    asked = {"the_job": uuid4()}
    assert glance.rows(asked) == []
    glance.close()
    with closing(sqlite3.connect(str(sqlite_database.engine.url.database))) as other:
        sqlite_database.close()
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM job")
        assert glance.rows(asked) is None
    assert glance.rows(asked) == []


def test_it_makes_no_file(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path / "none.db")) as database:
        assert made(database).rows({"the_job": uuid4()}) is None
    assert not (tmp_path / "none.db").exists()


def test_a_server_has_to_be_waited_for(postgresql_url: str) -> None:
    with opened(postgresql_url) as database:
        assert database.glance(statements.STANDING) is None
        assert JobStore(database, DatabaseQueue(database)).standing_now(uuid4()) is None
