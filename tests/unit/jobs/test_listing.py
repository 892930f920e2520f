"""The list of jobs against a plain Python model: no job twice, none missed, whatever comes and goes meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelwork.db.engine import Database
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.listing import JobFilter, ListedJob, read_page
from reelwork.jobs.model import JobTag
from tests.support.databases import run
from tests.support.job_rows import consistent_row, job_table

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
SETTINGS = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)

WORDS = ["a", "b", "B", "a ", "ä"]
"""Words that some collations take for equal, or for neighbours in another order."""


@dataclass(frozen=True)
class ModelJob:
    """A job as the test knows it."""

    moment: int
    status: JobStatus
    pipeline: str
    external_id: str | None
    owner: str | None
    tags: frozenset[str]
    job_id: UUID = field(default_factory=uuid4)

    def row(self) -> dict[str, Any]:
        created_at = MOMENT + timedelta(seconds=self.moment)
        return consistent_row(
            self.status,
            job_id=self.job_id,
            created_at=created_at,
            updated_at=created_at,
            pipeline=self.pipeline,
            external_id=self.external_id,
            owner=self.owner,
        )

    def fits(self, asked: JobFilter) -> bool:
        return (
            asked.status in (None, self.status)
            and asked.pipeline in (None, self.pipeline)
            and asked.external_id in (None, self.external_id)
            and asked.owner in (None, self.owner)
            and (asked.tag is None or asked.tag in self.tags)
        )


words = st.sampled_from(WORDS)
maybe = st.none() | words
# Few moments, so that many jobs share one: then the ids decide.
made = st.builds(
    ModelJob, st.integers(0, 4), st.sampled_from(JobStatus), words, maybe, maybe, st.frozensets(words, max_size=3)
)
filters = st.builds(JobFilter, st.none() | st.sampled_from(JobStatus), maybe, maybe, maybe, maybe)


def put(database: Database, jobs: list[ModelJob]) -> None:
    tags = [
        {"job_id": job.job_id, "tag": tag, "created_at": job.row()["created_at"]} for job in jobs for tag in job.tags
    ]
    with database.writing() as transaction:
        if jobs:
            transaction.execute(sa.insert(job_table), [job.row() for job in jobs])
        if tags:
            transaction.execute(sa.insert(JobTag.__table__), tags)


def newest_first(jobs: list[ModelJob], asked: JobFilter) -> list[UUID]:
    fitting = [job for job in jobs if job.fits(asked)]
    return [job.job_id for job in sorted(fitting, key=lambda job: (job.moment, job.job_id.hex), reverse=True)]


def pages(database: Database, asked: JobFilter, limit: int, look_at: int) -> Iterator[list[ListedJob]]:
    after = None
    while True:
        page = read_page(database, asked, limit, after, look_at)
        assert len(page.jobs) <= limit
        yield page.jobs
        if page.next is None:
            return
        assert after is None or (page.next.created_at, page.next.job_id.hex) < (after.created_at, after.job_id.hex)
        after = page.next


@given(jobs=st.lists(made, max_size=25), asked=filters, limit=st.integers(1, 7), look_at=st.integers(1, 9))
@SETTINGS
def _agrees_with_the_model(
    database: Database, jobs: list[ModelJob], asked: JobFilter, limit: int, look_at: int
) -> None:
    run(database, "DELETE FROM job")
    put(database, jobs)
    listed = [job for page in pages(database, asked, limit, look_at) for job in page]
    assert [job.job_id for job in listed] == newest_first(jobs, asked)
    by_id = {job.job_id: job for job in jobs}
    for job in listed:
        model = by_id[job.job_id]
        assert (job.status, job.pipeline, job.owner) == (model.status, model.pipeline, model.owner)
        assert (set(job.tags), len(job.tags)) == (model.tags, len(model.tags))


@given(
    jobs=st.lists(made, min_size=1, max_size=15),
    later=st.lists(st.lists(made, max_size=4), max_size=6),
    asked=filters,
    limit=st.integers(1, 4),
    look_at=st.integers(1, 9),
)
@SETTINGS
def _holds_while_jobs_come(
    database: Database,
    jobs: list[ModelJob],
    later: list[list[ModelJob]],
    asked: JobFilter,
    limit: int,
    look_at: int,
) -> None:
    """Whatever is added meanwhile, wherever its place is: those of the beginning are all there, and nothing twice."""
    run(database, "DELETE FROM job")
    put(database, jobs)
    seen: list[UUID] = []
    coming = iter(later)
    for page in pages(database, asked, limit, look_at):
        seen += [job.job_id for job in page]
        put(database, next(coming, []))
    assert len(seen) == len(set(seen))
    at_first = newest_first(jobs, asked)
    assert [job_id for job_id in seen if job_id in set(at_first)] == at_first


@pytest.mark.parametrize("holds", [_agrees_with_the_model, _holds_while_jobs_come])
def test_whatever_jobs_there_are(database: Database, holds: Callable[..., None]) -> None:
    holds(database)


def test_a_list_that_goes_on_says_so_only_then(database: Database) -> None:
    jobs = [ModelJob(number, JobStatus.PENDING, "a", None, None, frozenset()) for number in range(4)]
    put(database, jobs)
    assert [len(page) for page in pages(database, JobFilter(), 2, 100)] == [2, 2]
    assert [len(page) for page in pages(database, JobFilter(), 4, 100)] == [4]
    assert [len(page) for page in pages(database, JobFilter(pipeline="b"), 4, 100)] == [0]
