"""The video of a job: the MP4 itself, and single frames of it."""

from functools import partial
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from reelwork.api.access import Reader
from reelwork.api.conditional import is_unchanged, requested_range, strong_tag
from reelwork.api.parameters import JobId, problem_answers
from reelwork.api.pieces import closing, read_pieces
from reelwork.jobs.model import Job
from reelwork.jobs.pictures import JobPictures, PictureOptions
from reelwork.jobs.service import JobService

_MP4, _JPEG = "video/mp4", "image/jpeg"
# The video of a job never changes, but who may see it does.
_CACHE_CONTROL = "private, max-age=3600"
_MOST_FRAME_NUMBER = 2**53


class FrameQuery(BaseModel):
    """How a frame is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: int | None = Field(None, ge=16, le=16384, description="Scale down to so many pixels; never up.")
    quality: int = Field(90, ge=1, le=100, description="Of the JPEG.")
    boxes: bool = Field(False, description="Draw what the job found: boxes, polygons, labels and text.")
    node: Annotated[str, Field(max_length=64)] | None = Field(None, description="Draw this output node's answers only.")


def media_routes(jobs: JobService, pictures: JobPictures, *, pictures_at_once: int) -> APIRouter:
    """Return the routes by which videos go out."""
    router = APIRouter()
    # Threads of their own: who waits for a decoder must not keep polls waiting.
    picture_threads = anyio.CapacityLimiter(pictures_at_once)

    def media(request: Request, job_id: JobId, caller: Reader) -> Response:
        """Send the MP4 as it was submitted, whole or in part."""
        job = jobs.get(job_id, caller.sees_only)
        document = jobs.open_video(job)
        try:
            size = document.seek(0, 2)
            tag = strong_tag(_content(job))
            headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": _CACHE_CONTROL}
            if is_unchanged(request.headers, tag):
                document.close()
                return Response(status_code=304, headers=headers)
            if request.method == "HEAD":
                document.close()
                return Response(media_type=_MP4, headers={**headers, "Content-Length": str(size)})
            part = requested_range(request.headers, tag, size)
        except BaseException:
            document.close()
            raise
        if part is None:
            pieces, status, length = read_pieces(document), 200, size
        else:
            pieces, status, length = read_pieces(document, part.first, part.length), 206, part.length
            headers["Content-Range"] = part.content_range
        headers["Content-Length"] = str(length)
        return StreamingResponse(closing(document, pieces), status, headers, _MP4)

    router.get("/jobs/{job_id}/media", response_class=Response, responses=_media_answers())(media)
    router.head("/jobs/{job_id}/media", include_in_schema=False)(media)

    @router.get("/jobs/{job_id}/frames/{number}.jpg", response_class=Response, responses=_frame_answers())
    async def frame(
        request: Request,
        job_id: JobId,
        number: Annotated[int, Path(ge=0, le=_MOST_FRAME_NUMBER, description="The frame's `frame_index`.")],
        query: Annotated[FrameQuery, Query()],
        caller: Reader,
    ) -> Response:
        """Send one frame, upright, as a JPEG."""
        find = partial(jobs.get, job_id, caller.sees_only)
        job = await anyio.to_thread.run_sync(find)
        options = PictureOptions(query.width, query.quality, query.boxes, query.node)
        tag = strong_tag(_content(job), number, options, job.output_path if options.boxes else None)
        headers = {"ETag": tag, "Cache-Control": _CACHE_CONTROL}
        if is_unchanged(request.headers, tag):
            return Response(status_code=304, headers=headers)
        draw = partial(pictures.picture, job, number, options)
        return Response(await anyio.to_thread.run_sync(draw, limiter=picture_threads), 200, headers, _JPEG)

    return router


def _content(job: Job) -> str:
    """Return what the video is known by."""
    return str((job.source or {}).get("sha256", job.job_id))


def _media_answers() -> dict[int | str, dict[str, Any]]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {
        200: {"content": {_MP4: binary}},
        206: {"content": {_MP4: binary}, "description": "The part that was asked for"},
        304: {"description": "The client has it already"},
        **problem_answers(404, 416, 503),
    }


def _frame_answers() -> dict[int | str, dict[str, Any]]:
    return {
        200: {"content": {_JPEG: {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The client has it already"},
        **problem_answers(404, 422, 503),
    }
