"""How a request for results is answered: from where in the document, in which form, with which headers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from reelwork import __version__
from reelwork.api.compression import CODINGS, compressed
from reelwork.api.conditional import is_unchanged, requested_range, strong_tag
from reelwork.api.negotiation import chosen_coding
from reelwork.api.pages import Pages, link_to_next
from reelwork.api.pieces import closing, in_pieces, read_pieces
from reelwork.api.results_query import ResultsQuery, read_query
from reelwork.jobs.model import Job
from reelwork.jobs.service import JobService
from reelwork.pipeline.reading.formats import COCO, JSON, Format, Reading, Source

_HEADERS = {"Vary": "Accept, Accept-Encoding", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True)
class ResultsAnswer:
    """What a request for results is answered with."""

    request: Request
    jobs: JobService
    job: Job
    form: Format
    query: ResultsQuery
    coding: str | None

    @classmethod
    def to(cls, request: Request, jobs: JobService, job: Job) -> "ResultsAnswer":
        """Find out what is wanted.

        Raises:
            InvalidOptions, NotAcceptable: That cannot be had.
        """
        form, query = read_query(request, job.pipeline_definition["outputs"], Source.of(job.source))
        coding = chosen_coding(CODINGS, ",".join(request.headers.getlist("accept-encoding")))
        answer = cls(request, jobs, job, form, query, coding)
        # Ranges are of the document as it is stored, and who asks for one means that.
        return replace(answer, coding=None) if answer.is_whole and "range" in request.headers else answer

    @property
    def is_whole(self) -> bool:
        """Whether the stored document is the answer, as it is."""
        query = self.query
        return self.form is JSON and query.limit is None and query.cursor is None and not query.filters().leaves_out

    @property
    def tag(self) -> str:
        """The entity tag: of the attempt that made the results, and of what is made of them."""
        if self.is_whole and self.coding is None:
            return strong_tag(self.job.output_path)
        query = {**self.query.model_dump(), "node": sorted(self.query.node), "label": sorted(self.query.label)}
        return strong_tag(self.job.output_path, __version__, self.form.name, self.coding, query)

    def response(self) -> Response:
        """Make the response.

        Raises:
            InvalidOptions: The cursor is wrong.
            RangeNotSatisfiable: There are no such bytes.
        """
        document = self.jobs.open_results_of(self.job)
        try:
            filters = self.query.filters()
            pages = Pages(document, str(self.job.output_path), filters)
            start = pages.start(self.query.cursor)
            if is_unchanged(self.request.headers, self.tag):
                document.close()
                return Response(status_code=304, headers=self._headers())
            reading = Reading(document, self.job.job_id, Source.of(self.job.source), filters, start)
            return self._whole(reading) if self.is_whole and self.coding is None else self._made(reading, pages)
        except BaseException:
            document.close()
            raise

    def _whole(self, reading: Reading) -> Response:
        """Answer with the stored document, or with a range of its bytes."""
        document, headers = reading.document, {**self._headers(), "Accept-Ranges": "bytes"}
        size = document.seek(0, 2)
        # Only GET knows ranges.
        part = requested_range(self.request.headers, self.tag, size) if self.request.method == "GET" else None
        if part is None:
            return self._sent(reading, read_pieces(document), {**headers, "Content-Length": str(size)})
        headers |= {"Content-Length": str(part.length), "Content-Range": part.content_range}
        return self._sent(reading, read_pieces(document, part.first, part.length), headers, 206)

    def _made(self, reading: Reading, pages: Pages) -> Response:
        """Answer with what is made of the document as it is read."""
        headers = self._headers()
        if self.query.limit is not None and (following := pages.following(reading.start, self.query.limit)):
            end, cursor = following
            reading = replace(reading, end=end)
            headers["Link"] = link_to_next(self.request.url.path, self.request.query_params.multi_items(), cursor)
        pieces = read_pieces(reading.document) if self.is_whole else in_pieces(self.form.write(reading))
        if self.coding is not None:
            headers["Content-Encoding"] = self.coding
            pieces = compressed(pieces, self.coding)
        return self._sent(reading, pieces, headers)

    def _sent(self, reading: Reading, pieces: Iterator[bytes], headers: dict[str, str], status: int = 200) -> Response:
        headers["Content-Type"] = self.form.content_type
        disposition = "inline" if self.form is JSON else "attachment"
        headers["Content-Disposition"] = f'{disposition}; filename="{self.job.job_id}.{self._extension}"'
        if self.request.method == "HEAD":
            reading.document.close()
            return _HeadersOnly(status, headers)
        return StreamingResponse(closing(reading.document, pieces), status, headers)

    @property
    def _extension(self) -> str:
        return "coco.json" if self.form is COCO else self.form.name

    def _headers(self) -> dict[str, str]:
        return {**_HEADERS, "ETag": self.tag}


class _HeadersOnly(Response):
    """The answer to HEAD: the headers of GET, and no length unless it is known."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__(status_code=status, headers=headers)
        if "Content-Length" not in headers:
            del self.headers["Content-Length"]
