"""Polls that wait together are looked up together, and each gets its own answer."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from reelwork.api.standings import Standings
from reelwork.errors import JobNotFound, ServiceUnavailable
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.store import Standing


def standing(job_id: UUID, owner: str | None = None) -> Standing:
    return Standing(job_id, JobStatus.RUNNING, datetime.now(UTC), owner)


class Table:
    """Jobs that take until they are let go to be looked up."""

    def __init__(self, *jobs: Standing) -> None:
        self.jobs = {job.job_id: job for job in jobs}
        self.asked: list[list[UUID]] = []
        self.let_go = threading.Semaphore(0)
        self.error: Exception | None = None

    def look_up(self, job_ids: Sequence[UUID]) -> Mapping[UUID, Standing]:
        self.asked.append(list(job_ids))
        assert self.let_go.acquire(timeout=10)
        if self.error:
            raise self.error
        return {job_id: self.jobs[job_id] for job_id in job_ids if job_id in self.jobs}


def nothing_now(job_id: UUID) -> None:
    """Answer like a database that would have to be waited for."""


async def until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0.001)


def test_what_is_asked_meanwhile_is_asked_together() -> None:
    jobs = [standing(uuid4()) for _ in range(5)]
    table = Table(*jobs)

    async def poll() -> None:
        standings = Standings(table.look_up, nothing_now)
        first = asyncio.create_task(standings.of(jobs[0].job_id, None))
        await until(lambda: table.asked)
        others = [asyncio.create_task(standings.of(job.job_id, None)) for job in [*jobs[1:], jobs[1]]]
        await asyncio.sleep(0)
        table.let_go.release(2)
        assert await first == jobs[0]
        assert await asyncio.gather(*others) == [*jobs[1:], jobs[1]]

    asyncio.run(poll())
    assert table.asked == [[jobs[0].job_id], [job.job_id for job in jobs[1:]]]


def test_an_answer_is_never_older_than_the_question() -> None:
    job = standing(uuid4())
    table = Table(job)

    async def poll() -> None:
        standings = Standings(table.look_up, nothing_now)
        early = asyncio.create_task(standings.of(job.job_id, None))
        await until(lambda: table.asked)
        late = asyncio.create_task(standings.of(job.job_id, None))
        await asyncio.sleep(0)
        table.let_go.release()
        assert await early == job
        table.jobs.clear()
        table.let_go.release()
        with pytest.raises(JobNotFound):
            await late

    asyncio.run(poll())
    assert len(table.asked) == 2


def test_no_job_and_a_job_of_another_key_are_the_same() -> None:
    job = standing(uuid4(), owner="one")
    table = Table(job)

    async def poll() -> None:
        standings = Standings(table.look_up, nothing_now)
        table.let_go.release(4)
        assert await standings.of(job.job_id, "one") == job
        assert await standings.of(job.job_id, None) == job
        for job_id, key in ((job.job_id, "other"), (uuid4(), None)):
            with pytest.raises(JobNotFound, match=str(job_id)):
                await standings.of(job_id, key)

    asyncio.run(poll())


def test_an_outage_is_told_to_all_who_wait_and_to_nobody_after_it() -> None:
    job = standing(uuid4())
    table = Table(job)
    table.error = ServiceUnavailable("The database does not answer.")

    async def poll() -> None:
        standings = Standings(table.look_up, nothing_now)
        asked = [asyncio.create_task(standings.of(job_id, None)) for job_id in (job.job_id, job.job_id, uuid4())]
        await until(lambda: table.asked)
        table.let_go.release()
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, ServiceUnavailable)
        table.error = None
        table.let_go.release()
        assert await standings.of(job.job_id, None) == job

    asyncio.run(poll())


def test_one_that_goes_away_takes_the_answer_from_nobody() -> None:
    job = standing(uuid4())
    table = Table(job)

    async def poll() -> None:
        standings = Standings(table.look_up, nothing_now)
        gone, stays = (asyncio.create_task(standings.of(job.job_id, None)) for _ in range(2))
        await until(lambda: table.asked)
        gone.cancel()
        await asyncio.sleep(0)
        table.let_go.release()
        assert await stays == job

    asyncio.run(poll())


def test_what_can_be_said_now_is_not_waited_for() -> None:
    job = standing(uuid4(), owner="somebody")

    def look_up(job_ids: Sequence[UUID]) -> Mapping[UUID, Standing]:
        raise AssertionError("nobody is to be asked")

    async def poll() -> None:
        standings = Standings(look_up, lambda job_id: [job] if job_id == job.job_id else [])
        assert await standings.of(job.job_id, None) == job
        assert await standings.of(job.job_id, "somebody") == job
        for job_id, only_of in [(job.job_id, "another"), (uuid4(), None)]:
            with pytest.raises(JobNotFound):
                await standings.of(job_id, only_of)

    asyncio.run(poll())
