"""Every call of the service as a flow; the clients only run them."""

from collections.abc import Mapping
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from reelwork.client import reading
from reelwork.client.answers import Analyzer, JobDetails, JobState, Pipeline
from reelwork.client.decoding import Decoder
from reelwork.client.errors import ServiceProblem
from reelwork.client.flow import Flow, Request
from reelwork.client.options import parameters
from reelwork.client.patience import Patience
from reelwork.client.submitting import Submission, Submitting
from reelwork.client.waiting import wait

Id = UUID | str


class Calls:
    """The flows of one service."""

    def __init__(self, url: str, outage_s: float) -> None:
        self._decoder = Decoder(url)
        self._outage_s = outage_s
        self._submitting = Submitting(self._decoder, outage_s)

    def submit(self, path: Any, options: Mapping[str, Any], key: str | None, **told: Any) -> Flow[UUID]:
        """Send a file."""
        return self._submitting.submit(Submission(path, parameters(options), key or str(uuid4()), **told))

    def rehearse(self, path: Any, options: Mapping[str, Any], **told: Any) -> Flow[dict[str, Any]]:
        """Send a file and keep nothing."""
        return self._submitting.rehearse(Submission(path, parameters(options), "", **told))

    def status(self, job_id: Id) -> Flow[JobState]:
        """Ask where a job stands."""
        return self._decoder.get(f"/video/status/{job_id}", JobState)

    def wait(self, job_id: Id, **asked: Any) -> Flow[JobState]:
        """Ask until a job has ended."""
        return wait(self._decoder, job_id, self._patience(), **asked)

    def results(self, job_id: Id, filters: Mapping[str, Any]) -> Flow[None]:
        """Give the frames."""
        return reading.results(self._decoder, job_id, filters, self._patience())

    def save_results(self, job_id: Id, file: BinaryIO, format_: str, filters: Mapping[str, Any]) -> Flow[int]:
        """Write the results in a format."""
        asked = {"format": None if format_ == "json" else format_, **filters}
        return self._saved(Request("GET", f"/video/results/{job_id}", parameters(asked)), file)

    def save_media(self, job_id: Id, file: BinaryIO) -> Flow[int]:
        """Write the video."""
        return self._saved(Request("GET", f"/video/jobs/{job_id}/media"), file)

    def frame(self, job_id: Id, number: int, asked: Mapping[str, Any]) -> Flow[bytes]:
        """Get one frame as a JPEG."""
        path = f"/video/jobs/{job_id}/frames/{number}.jpg"
        answer = yield from self._decoder.sent(Request("GET", path, parameters(asked)))
        return answer.content

    def details(self, job_id: Id) -> Flow[JobDetails]:
        """Get what is known of a job."""
        answer = yield from self._decoder.sent(Request("GET", f"/video/jobs/{job_id}"))
        return self._decoder.with_document(answer, JobDetails)

    def failure(self, job_id: Id) -> Flow[str | None]:
        """Ask why a job failed."""
        details = yield from self.details(job_id)
        return details.error if details.status == "failed" else None

    def merged(self, job_id: Id, what: str, asked: Mapping[str, Any]) -> Flow[list[dict[str, Any]]]:
        """Get the tracks or the intervals of a job."""
        document = yield from self._decoder.get(f"/video/jobs/{job_id}/{what}", dict[str, Any], parameters(asked))
        found: list[dict[str, Any]] = document[what]
        return found

    def retry(self, job_id: Id) -> Flow[None]:
        """Run a failed job again."""
        yield from self._decoder.sent(Request("POST", f"/video/jobs/{job_id}/retry"))

    def delete(self, job_id: Id) -> Flow[None]:
        """Delete a job."""
        yield from self._decoder.sent(Request("DELETE", f"/video/jobs/{job_id}"))

    def jobs(self, filters: Mapping[str, Any], page_size: int | None) -> Flow[None]:
        """Give the jobs."""
        return reading.jobs(self._decoder, filters, page_size)

    def pipelines(self) -> Flow[list[Pipeline]]:
        """List the pipelines."""
        return self._listed("pipelines", Pipeline)

    def analyzers(self) -> Flow[list[Analyzer]]:
        """List the analyzers."""
        return self._listed("analyzers", Analyzer)

    def limits(self) -> Flow[dict[str, Any]]:
        """Ask what may be asked for."""
        return self._decoder.get("/limits", dict[str, Any])

    def ready(self) -> Flow[bool]:
        """Ask whether a job would be accepted, and run."""
        try:
            yield from self._decoder.sent(Request("GET", "/readyz"))
        except ServiceProblem as problem:
            if problem.status != 503:
                raise
            return False
        return True

    def _listed(self, what: str, kind: type[Any]) -> Flow[list[Any]]:
        document = yield from self._decoder.get(f"/{what}", dict[str, list[dict[str, Any]]])
        return [self._decoder.converted(entry, kind) for entry in document[what]]

    def _saved(self, request: Request, file: BinaryIO) -> Flow[int]:
        return reading.download(self._decoder, request, file, self._patience())

    def _patience(self) -> Patience:
        # Whoever asks for a job had an answer before.
        return Patience(self._outage_s, known=True)
