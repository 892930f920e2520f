"""Uploads in several requests, after draft-ietf-httpbis-resumable-upload: the first, HEAD, PATCH, DELETE, OPTIONS.

An application server that speaks ASGI cannot send the interim answers (104) of the draft; it does without.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response

from reelwork.access.caller import Caller
from reelwork.api.access import Submitter
from reelwork.api.parameters import problem_answers
from reelwork.api.schemas import Accepted
from reelwork.api.uploads import headers
from reelwork.api.uploads.body import PARTIAL_TYPE, Body, rest_of_file
from reelwork.api.uploads.documentation import documented
from reelwork.errors import SubmissionRefused, UploadNotFound
from reelwork.uploads.partials import Upload, UploadLease
from reelwork.uploads.resumable import Appending, ReadOptions
from reelwork.uploads.uploads import Uploads


def _existing_form(upload_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})]) -> UUID:
    try:
        return UUID(upload_id)
    except ValueError:
        raise UploadNotFound(upload_id) from None


UploadId = Annotated[UUID, Depends(_existing_form)]

_ENDING_S = 5.0  # as long as a part of the body may take
_LOOK_EVERY_S = 0.1


class UploadRoutes:
    """The routes of uploads in several requests."""

    def __init__(
        self,
        uploads: Uploads,
        read_options: ReadOptions,
        threads: anyio.CapacityLimiter,
        accepted: Callable[[UUID, bool | None], Response],
    ) -> None:
        """Prepare them.

        Args:
            uploads: What they do.
            read_options: Checks the options of an upload that has arrived.
            threads: Those in which bodies are taken.
            accepted: Makes the answer to a request that made a job.
        """
        self._read_options = read_options
        self._resumable = uploads.resumable
        self._threads = threads
        self._accepted = accepted
        self._max_bytes = uploads.max_bytes
        self._limits = {"Upload-Limit": headers.limits(uploads.max_bytes, uploads.expiry_s)}

    async def begin(self, request: Request, caller: Caller, body: Body) -> Response:
        """Make an upload of what the first request brings; see ``POST /video/submit``."""
        given = request.query_params.multi_items()
        key = headers.idempotency_key(request)
        appending = headers.appending(request, at_start=True)
        begun = await anyio.to_thread.run_sync(partial(self._resumable.begin, caller.key_id, given, appending, key))
        if isinstance(begun, UploadLease):
            async with body:
                await self._in_thread(self._resumable.append, begun, body.chunks())
        upload = await self._looked_at(begun.upload_id, None)
        location = f"/video/submit/{upload.upload_id}"
        return Response(status_code=201, headers={"Location": location, **headers.state_of(upload), **self._limits})

    def add_to(self, router: APIRouter) -> None:
        """Add the other routes."""
        path = "/submit/{upload_id}"
        router.head(path, status_code=204, responses=problem_answers(404, 503))(self._look)
        router.patch(
            path,
            status_code=202,
            response_model=Accepted,
            responses={
                **problem_answers(400, 404, 408, 409, 413, 415, 422, 429, 503, 507),
                204: {"description": "The bytes are stored; more may follow"},
            },
            openapi_extra=_patch_documentation(self._max_bytes),
        )(self._patch)
        router.delete(path, status_code=204, responses=problem_answers(404, 503))(self._cancel)
        router.options("/submit", status_code=204)(self._capabilities)

    async def _look(self, upload_id: UploadId, caller: Submitter) -> Response:
        """Say how much of an upload has arrived. A request that still brings some of it is over then."""
        upload = await self._looked_at(upload_id, caller.sees_only)
        return Response(status_code=204, headers={**headers.state_of(upload), **self._result_of(upload)})

    async def _looked_at(self, upload_id: UUID, only_of: str | None) -> Upload:
        """Say how far an upload has come, when the request before has stored what it brought or had the time to."""
        with anyio.move_on_after(_ENDING_S):
            while (await anyio.to_thread.run_sync(self._resumable.known, upload_id, only_of)).is_held:
                await anyio.sleep(_LOOK_EVERY_S)
        return await anyio.to_thread.run_sync(self._resumable.look, upload_id, only_of)

    def _result_of(self, upload: Upload) -> dict[str, str]:
        return self._limits if upload.job_id is None else {"Location": f"/video/status/{upload.job_id}"}

    async def _patch(self, request: Request, upload_id: UploadId, caller: Submitter) -> Response:
        """Append to an upload; with the last of it, answer as a submit does."""
        appending, body = headers.appending(request), rest_of_file(request)
        known = await anyio.to_thread.run_sync(self._resumable.known, upload_id, caller.sees_only)
        if known.job_id is not None:
            async with body:
                job_id = await self._in_thread(self._resumable.repeated, known, appending, body.chunks())
            return self._accepted(job_id, True)
        lease = await anyio.to_thread.run_sync(self._resumable.take, upload_id, appending)
        async with body:
            return await self._appended(request, lease, appending, body)

    async def _appended(self, request: Request, lease: UploadLease, appending: Appending, body: Body) -> Response:
        if not appending.completes:
            await self._in_thread(self._resumable.append, lease, body.chunks())
            told = {"Upload-Offset": str(lease.offset), "Upload-Complete": "?0"}
            return Response(status_code=204, headers={**told, **self._limits})
        try:
            job_id = await self._in_thread(self._resumable.finish, lease, body.chunks(), self._read_options)
        except SubmissionRefused:
            # All of it was looked at: to send it again would change nothing.
            request.state.headers_of_problems = {"Upload-Complete": "?1"}
            raise
        return self._accepted(job_id, True)

    def _cancel(self, upload_id: UploadId, caller: Submitter) -> Response:
        """Forget an upload and what has arrived of it; a job that was made of it stays."""
        self._resumable.cancel(upload_id, caller.sees_only)
        return Response(status_code=204)

    def _capabilities(self, caller: Submitter) -> Response:
        """Say that uploads may come in several requests, and how large they may be."""
        return Response(
            status_code=204, headers={"Allow": "POST, OPTIONS", "Accept-Patch": PARTIAL_TYPE, **self._limits}
        )

    async def _in_thread(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await anyio.to_thread.run_sync(partial(call, *arguments), limiter=self._threads)


def _patch_documentation(max_bytes: int) -> dict[str, Any]:
    bytes_of_it = {"type": "string", "format": "binary", "description": "The next bytes of the MP4."}
    return {
        "parameters": [
            *documented("Upload-Offset", "Upload-Complete", max_bytes=max_bytes, required=True),
            *documented("Upload-Length", max_bytes=max_bytes),
        ],
        "requestBody": {"required": False, "content": {PARTIAL_TYPE: {"schema": bytes_of_it}}},
    }
