"""The client that blocks: one method for each call of the service. ``async_client`` has the same, to be awaited."""

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Self, Unpack
from uuid import UUID

from reelwork.client.answers import Analyzer, FrameResult, JobDetails, JobEntry, JobState, Pipeline
from reelwork.client.body import Progress
from reelwork.client.calls import Calls
from reelwork.client.options import JobFilters, JobOptions, ResultFilters
from reelwork.client.performing import Performer
from reelwork.client.transport import Service


class Client:
    """Talks to one service. A context manager; safe to share between threads.

    Every method raises ``ServiceProblem`` when the service refuses, ``ServiceUnreachable`` when it does not
    answer (``ConnectionLost`` when it no longer does), and ``UnexpectedAnswer`` when something else answers.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        outage_s: float = 30.0,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            base_url: Where the service is; None: where ``REELWORK_URL`` says, or http://127.0.0.1:8000.
            api_key: The API key; None: that of ``REELWORK_API_KEY``, if any; empty: none.
            timeout_s: How long the service may stay silent before the connection counts as lost.
            outage_s: How long uploads, waiting and reading bear with a service that is away, to be started anew
                for example.

        Raises:
            ConfigurationError: ``base_url`` is not an http or https URL.
        """
        service = Service.at(base_url, api_key, timeout_s)
        self.base_url = service.url
        self.calls = Calls(service.url, outage_s)
        self.performer = Performer(service)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.performer.close()

    def submit(
        self,
        path: str | os.PathLike[str],
        *,
        idempotency_key: str | None = None,
        on_progress: Progress | None = None,
        on_upload: Callable[[str], None] | None = None,
        resume: str | None = None,
        **options: Unpack[JobOptions],
    ) -> "Job":
        """Send an MP4, in flat memory; when this returns, the job is safe.

        A large file goes in several requests. When the connection breaks or the service is started anew, it goes on
        where it has arrived. When it is given up (a Ctrl-C, a cancellation), what has arrived is deleted.

        Args:
            path: The file.
            idempotency_key: Submits with the same key, file and options give the same job; None: this one is like
                no other.
            on_progress: Called with (bytes sent, bytes in all), from (0, all) to (all, all); it falls back when
                something has to be sent again.
            on_upload: Called with the id of the upload if the file goes in several requests. Such an upload is not
                deleted when it is given up: ``resume`` goes on with it.
            resume: Id of such an upload; options are those it was begun with.
            **options: See ``JobOptions``.

        Returns:
            The job.

        Raises:
            OSError: The file cannot be read.
            RequestRefused: The video or the options are refused.
            LimitReached: As much is queued as may be.
            ReelworkError: See the class.
        """
        told = {"on_progress": on_progress, "on_upload": on_upload, "resume": resume}
        return self.job(self.performer.run(self.calls.submit(path, options, idempotency_key, **told)))

    def dry_run(
        self, path: str | os.PathLike[str], *, on_progress: Progress | None = None, **options: Unpack[JobOptions]
    ) -> dict[str, Any]:
        """Send an MP4 and learn what ``submit`` would do with it; nothing is kept."""
        return self.performer.run(self.calls.rehearse(path, options, on_progress=on_progress))

    def job(self, job_id: UUID | str) -> "Job":
        """Return a handle of a job; nothing is sent."""
        return Job(self, job_id)

    def jobs(self, *, page_size: int | None = None, **filters: Unpack[JobFilters]) -> Iterator[JobEntry]:
        """Iterate over the jobs, the newest first; pages of ``page_size`` are fetched as they are wanted."""
        return self.performer.iterate(self.calls.jobs(filters, page_size))

    def pipelines(self) -> list[Pipeline]:
        """List the pipelines of the service, also those that cannot be used there now."""
        return self.performer.run(self.calls.pipelines())

    def analyzers(self) -> list[Analyzer]:
        """List the analyzers of the service, also those that cannot be used there."""
        return self.performer.run(self.calls.analyzers())

    def limits(self) -> dict[str, Any]:
        """Return the limits of the service and of the API key."""
        return self.performer.run(self.calls.limits())

    def ready(self) -> bool:
        """Tell whether a job would be accepted and run now."""
        return self.performer.run(self.calls.ready())


class Job:
    """A job of a service, known by its id; every method asks the service."""

    def __init__(self, client: Client, job_id: UUID | str) -> None:
        self._perform = client.performer
        self._calls = client.calls
        self.job_id = job_id if isinstance(job_id, UUID) else UUID(job_id)

    def __repr__(self) -> str:
        return f"Job({str(self.job_id)!r})"

    def status(self) -> JobState:
        """Ask where the job stands."""
        return self._perform.run(self._calls.status(self.job_id))

    def wait(
        self,
        *,
        timeout_s: float | None = None,
        poll_interval_s: float | None = None,
        on_state: Callable[[JobState], None] | None = None,
    ) -> JobState:
        """Ask until the job has ended, and return how. A service that is away for a while is waited for.

        Args:
            timeout_s: How long to wait; None for as long as it takes.
            poll_interval_s: The first pause, from which they grow to 2 s; None for what the service asks for.
            on_state: Called with every answer.

        Raises:
            WaitTimedOut: The job has not ended within ``timeout_s``.
        """
        asked = {"timeout_s": timeout_s, "poll_interval_s": poll_interval_s, "on_state": on_state}
        return self._perform.run(self._calls.wait(self.job_id, **asked))

    def results(self, **filters: Unpack[ResultFilters]) -> Iterator[FrameResult]:
        """Iterate over the answers, frame by frame, in flat memory. A connection that breaks is made anew.

        Raises:
            NoResults: The job is not completed. It is raised at the first frame, as the iteration begins.
        """
        return self._perform.iterate(self._calls.results(self.job_id, filters))

    def save_results(self, file: BinaryIO, *, format: str = "json", **filters: Unpack[ResultFilters]) -> int:  # noqa: A002 - the route's own word
        """Write the results to a binary file as they arrive, in flat memory; return their size in bytes.

        Nothing is written when the service refuses; part of it may be when the connection is lost for good.

        Args:
            file: Where to.
            format: ``json`` (the document), ``ndjson``, ``csv``, ``vtt``, ``srt`` or ``coco``.
            **filters: See ``ResultFilters``.
        """
        return self._perform.run(self._calls.save_results(self.job_id, file, format, filters))

    def save_media(self, file: BinaryIO) -> int:
        """Write the video as it was submitted; return its size in bytes."""
        return self._perform.run(self._calls.save_media(self.job_id, file))

    def frame(self, number: int, *, boxes: bool = False, node: str | None = None, width: int | None = None) -> bytes:
        """Return a frame as a JPEG, on request with the boxes of its answers (of one node) drawn in."""
        asked = {"boxes": boxes or None, "node": node, "width": width}
        return self._perform.run(self._calls.frame(self.job_id, number, asked))

    def tracks(self, node: str | None = None) -> list[dict[str, Any]]:
        """Return how long each tracked object was seen."""
        return self._perform.run(self._calls.merged(self.job_id, "tracks", {"node": node}))

    def intervals(self, node: str | list[str] | None = None) -> list[dict[str, Any]]:
        """Return from when to when each thing was seen, consecutive frames merged."""
        return self._perform.run(self._calls.merged(self.job_id, "intervals", {"node": node}))

    def details(self) -> JobDetails:
        """Return what is known of the job: its video, its pipeline, warnings, versions."""
        return self._perform.run(self._calls.details(self.job_id))

    def failure(self) -> str | None:
        """Return why the job failed; None if it did not."""
        return self._perform.run(self._calls.failure(self.job_id))

    def retry(self) -> None:
        """Have the job run again; only one that failed can be."""
        self._perform.run(self._calls.retry(self.job_id))

    def delete(self) -> None:
        """Delete the job, its video and its results."""
        self._perform.run(self._calls.delete(self.job_id))
