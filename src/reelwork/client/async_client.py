"""The client to be awaited: the same as ``client``, whose docstrings say what is promised."""

import os
from collections.abc import AsyncIterator, Callable
from typing import Any, BinaryIO, Self, Unpack
from uuid import UUID

from reelwork.client.answers import Analyzer, FrameResult, JobDetails, JobEntry, JobState, Pipeline
from reelwork.client.body import Progress
from reelwork.client.calls import Calls
from reelwork.client.options import JobFilters, JobOptions, ResultFilters
from reelwork.client.performing_async import AsyncPerformer
from reelwork.client.transport import Service


class AsyncClient:
    """Talks to one service. An async context manager, for the tasks of one event loop."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        outage_s: float = 30.0,
    ) -> None:
        """Make a client; nothing is sent yet."""
        service = Service.at(base_url, api_key, timeout_s)
        self.base_url = service.url
        self.calls = Calls(service.url, outage_s)
        self.performer = AsyncPerformer(service)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.performer.close()

    async def submit(
        self,
        path: str | os.PathLike[str],
        *,
        idempotency_key: str | None = None,
        on_progress: Progress | None = None,
        on_upload: Callable[[str], None] | None = None,
        resume: str | None = None,
        **options: Unpack[JobOptions],
    ) -> "AsyncJob":
        """Send an MP4, in flat memory; when this returns, the job is safe."""
        told = {"on_progress": on_progress, "on_upload": on_upload, "resume": resume}
        return self.job(await self.performer.run(self.calls.submit(path, options, idempotency_key, **told)))

    async def dry_run(
        self, path: str | os.PathLike[str], *, on_progress: Progress | None = None, **options: Unpack[JobOptions]
    ) -> dict[str, Any]:
        """Send an MP4 and learn what ``submit`` would do with it; nothing is kept."""
        return await self.performer.run(self.calls.rehearse(path, options, on_progress=on_progress))

    def job(self, job_id: UUID | str) -> "AsyncJob":
        """Return a handle of a job; nothing is sent."""
        return AsyncJob(self, job_id)

    def jobs(self, *, page_size: int | None = None, **filters: Unpack[JobFilters]) -> AsyncIterator[JobEntry]:
        """Iterate over the jobs, the newest first; pages of ``page_size`` are fetched as they are wanted."""
        return self.performer.iterate(self.calls.jobs(filters, page_size))

    async def pipelines(self) -> list[Pipeline]:
        """List the pipelines of the service, also those that cannot be used there now."""
        return await self.performer.run(self.calls.pipelines())

    async def analyzers(self) -> list[Analyzer]:
        """List the analyzers of the service, also those that cannot be used there."""
        return await self.performer.run(self.calls.analyzers())

    async def limits(self) -> dict[str, Any]:
        """Return the limits of the service and of the API key."""
        return await self.performer.run(self.calls.limits())

    async def ready(self) -> bool:
        """Tell whether a job would be accepted and run now."""
        return await self.performer.run(self.calls.ready())


class AsyncJob:
    """A job of a service, known by its id; every method asks the service."""

    def __init__(self, client: AsyncClient, job_id: UUID | str) -> None:
        self._perform = client.performer
        self._calls = client.calls
        self.job_id = job_id if isinstance(job_id, UUID) else UUID(job_id)

    def __repr__(self) -> str:
        return f"AsyncJob({str(self.job_id)!r})"

    async def status(self) -> JobState:
        """Ask where the job stands."""
        return await self._perform.run(self._calls.status(self.job_id))

    async def wait(
        self,
        *,
        timeout_s: float | None = None,
        poll_interval_s: float | None = None,
        on_state: Callable[[JobState], None] | None = None,
    ) -> JobState:
        """Ask until the job has ended, and return how. A service that is away for a while is waited for."""
        asked = {"timeout_s": timeout_s, "poll_interval_s": poll_interval_s, "on_state": on_state}
        return await self._perform.run(self._calls.wait(self.job_id, **asked))

    def results(self, **filters: Unpack[ResultFilters]) -> AsyncIterator[FrameResult]:
        """Iterate over the answers, frame by frame, in flat memory. A connection that breaks is made anew."""
        return self._perform.iterate(self._calls.results(self.job_id, filters))

    async def save_results(self, file: BinaryIO, *, format: str = "json", **filters: Unpack[ResultFilters]) -> int:  # noqa: A002 - the route's own word
        """Write the results to a binary file as they arrive, in flat memory; return their size in bytes."""
        return await self._perform.run(self._calls.save_results(self.job_id, file, format, filters))

    async def save_media(self, file: BinaryIO) -> int:
        """Write the video as it was submitted; return its size in bytes."""
        return await self._perform.run(self._calls.save_media(self.job_id, file))

    async def frame(
        self, number: int, *, boxes: bool = False, node: str | None = None, width: int | None = None
    ) -> bytes:
        """Return a frame as a JPEG, on request with the boxes of its answers (of one node) drawn in."""
        asked = {"boxes": boxes or None, "node": node, "width": width}
        return await self._perform.run(self._calls.frame(self.job_id, number, asked))

    async def tracks(self, node: str | None = None) -> list[dict[str, Any]]:
        """Return how long each tracked object was seen."""
        return await self._perform.run(self._calls.merged(self.job_id, "tracks", {"node": node}))

    async def intervals(self, node: str | list[str] | None = None) -> list[dict[str, Any]]:
        """Return from when to when each thing was seen, consecutive frames merged."""
        return await self._perform.run(self._calls.merged(self.job_id, "intervals", {"node": node}))

    async def details(self) -> JobDetails:
        """Return what is known of the job: its video, its pipeline, warnings, versions."""
        return await self._perform.run(self._calls.details(self.job_id))

    async def failure(self) -> str | None:
        """Return why the job failed; None if it did not."""
        return await self._perform.run(self._calls.failure(self.job_id))

    async def retry(self) -> None:
        """Have the job run again; only one that failed can be."""
        await self._perform.run(self._calls.retry(self.job_id))

    async def delete(self) -> None:
        """Delete the job, its video and its results."""
        await self._perform.run(self._calls.delete(self.job_id))
