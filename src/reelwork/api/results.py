"""The results of a job: whole or in part, in several forms, or merged over time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from reelwork import __version__
from reelwork.api.access import Reader
from reelwork.api.compression import CODINGS, compressed
from reelwork.api.conditional import is_unchanged, requested_range, strong_tag
from reelwork.api.negotiation import chosen_coding
from reelwork.api.pages import Pages, link_to_next
from reelwork.api.parameters import JobId, problem_answers
from reelwork.api.pieces import closing, in_pieces, read_pieces
from reelwork.api.results_query import ResultsQuery, query_documentation, read_query
from reelwork.api.schemas import CocoDataSet, Intervals, Results, Tracks
from reelwork.errors import InvalidOptions, Mistake
from reelwork.jobs.model import Job
from reelwork.jobs.service import JobService
from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.formats import COCO, FORMATS, JSON, Format, Reading, Source
from reelwork.pipeline.reading.merging import intervals

_HEADERS = {"Vary": "Accept, Accept-Encoding", "Cache-Control": "private, no-cache"}


def results_routes(jobs: JobService) -> APIRouter:
    """Return the routes by which answers go out."""
    router = APIRouter()

    @router.head("/results/{job_id}", include_in_schema=False)
    @router.get(
        "/results/{job_id}",
        response_model=Results | CocoDataSet,
        responses=_documented_answers(),
        openapi_extra={"parameters": query_documentation()},
    )
    def results(request: Request, job_id: JobId, caller: Reader) -> Response:
        """Return the answer for every analysed frame of a completed job, or a part of it, or another form."""
        return _Answer.to(request, jobs, jobs.completed(job_id, caller.sees_only)).response()

    @router.get("/jobs/{job_id}/tracks", response_model=Tracks, responses=problem_answers(404, 422, 503))
    def tracks(job_id: JobId, caller: Reader, node: str | None = None) -> Response:
        """Return how long each tracked object was seen, merged from all frames."""
        return _listed(job_id, "tracks", jobs.tracks(job_id, node, caller.sees_only))

    @router.get("/jobs/{job_id}/intervals", response_model=Intervals, responses=problem_answers(404, 422, 503))
    def merged(job_id: JobId, caller: Reader, node: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006
        """Return from when to when each text, label, code, shot or object was seen, merged from all frames."""
        job = jobs.completed(job_id, caller.sees_only)
        outputs = job.pipeline_definition["outputs"]
        if unknown := [name for name in node if name not in outputs]:
            known = ", ".join(outputs) or "none"
            raise InvalidOptions([Mistake("node", f"no output node: {', '.join(unknown)}; those of this job: {known}")])
        reading = Reading(jobs.open_results_of(job), job_id, Source.of(job.source), Filters(nodes=frozenset(node)))
        return _listed(job_id, "intervals", _closing(reading, intervals(reading.entries())))

    return router


@dataclass(frozen=True)
class _Answer:
    """What a request for results is answered with."""

    request: Request
    jobs: JobService
    job: Job
    form: Format
    query: ResultsQuery
    coding: str | None

    @classmethod
    def to(cls, request: Request, jobs: JobService, job: Job) -> "_Answer":
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


def _documented_answers() -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {
        form.content_type.partition(";")[0]: {"schema": {"type": "string"}}
        for form in FORMATS
        if form not in (JSON, COCO)
    }
    part = {"description": "The bytes asked for", "content": {"application/json": {"schema": {"type": "string"}}}}
    return {
        200: {"content": content},
        206: part,
        304: {"description": "The client has it already"},
        **problem_answers(404, 406, 416, 422, 503),
    }


def _listed(job_id: UUID, name: str, items: Iterator[dict[str, Any]]) -> Response:
    return StreamingResponse(in_pieces(_listing(job_id, name, items)), media_type="application/json")


def _listing(job_id: UUID, name: str, items: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield f'{{"job_id":"{job_id}","{name}":['
    for number, item in enumerate(items):
        yield (",\n" if number else "\n") + json.dumps(item, ensure_ascii=False)
    yield "\n]}\n"


def _closing(reading: Reading, items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with reading.document:
        yield from items
