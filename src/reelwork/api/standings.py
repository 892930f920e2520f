"""Where jobs stand, asked of the database for all who wait at once: polls are what a service is asked most."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from reelwork.errors import JobNotFound
from reelwork.jobs.store import Standing

_AT_ONCE = 500

LookUp = Callable[[Sequence[UUID]], Mapping[UUID, Standing]]
LookUpNow = Callable[[UUID], Sequence[Standing] | None]


class Standings:
    """Says what can be said now; else collects what is asked while the database answers, and asks for it all next.

    Nothing is remembered: an answer is never older than the question. For use on one event loop.
    """

    def __init__(self, look_up: LookUp, look_up_now: LookUpNow) -> None:
        self._look_up = look_up
        self._look_up_now = look_up_now
        self._waiting: dict[UUID, asyncio.Future[Standing | None]] = {}
        self._looking: asyncio.Task[None] | None = None
        # A thread of their own: polls do not wait for uploads, nor for long answers.
        self._thread = ThreadPoolExecutor(1, "standings")

    async def of(self, job_id: UUID, only_of: str | None) -> Standing:
        """Say where a job stands.

        Args:
            job_id: The job.
            only_of: If given, a job that is not this API key's is as good as none.

        Raises:
            JobNotFound: There is none of this id.
            ServiceUnavailable: The database does not answer.
        """
        known = self._look_up_now(job_id)
        standing = await self._answered(job_id) if known is None else next(iter(known), None)
        if standing is None or (only_of is not None and standing.owner != only_of):
            raise JobNotFound(job_id)
        return standing

    async def _answered(self, job_id: UUID) -> Standing | None:
        answer = self._waiting.get(job_id)
        if answer is None:
            answer = self._waiting[job_id] = asyncio.get_running_loop().create_future()
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
        # Several may wait for it, and one that goes away takes it from nobody.
        return await asyncio.shield(answer)

    async def _look(self) -> None:
        while self._waiting:
            asked = {job_id: self._waiting.pop(job_id) for job_id in list(self._waiting)[:_AT_ONCE]}
            await self._answer(asked)
        self._looking = None

    async def _answer(self, asked: Mapping[UUID, "asyncio.Future[Standing | None]"]) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, self._look_up, list(asked))
        except Exception as error:
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # whoever asked may be gone; nobody is to be warned of that
            return
        for job_id, answer in asked.items():
            answer.set_result(found.get(job_id))
