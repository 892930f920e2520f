"""Submitting a file: in one request, or in several of which none is lost.

A request that breaks off may have made a job all the same. So each submit has an idempotency key: sent again, it gives
the same job. A large file begins an upload of its own, which goes on where the service says it has arrived.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from reelwork.client.body import FileBody, Progress
from reelwork.client.decoding import Decoder
from reelwork.client.flow import Answer, Flow, Parameters, Pause, Request, send, work
from reelwork.client.patience import Patience
from reelwork.errors import ReelworkError

RESUMABLE_FROM_BYTES = 16 * 2**20
"""Files so large are sent in several requests."""

APPEND_BYTES = 64 * 2**20
"""The most that is sent in one of them."""

_SUBMIT = "/video/submit"
_MOST_APPENDED = re.compile(r"\bmax-append-size=(\d+)")


@dataclass(frozen=True)
class Submission:
    """What is submitted, and who is told.

    Attributes:
        path: The file.
        params: The options, as they stand in the query.
        key: The idempotency key.
        on_progress: Told how far the upload is.
        on_upload: Told the id of an upload in several requests, which is then kept when it breaks off.
        resume: The id of an upload to go on with.
    """

    path: str | os.PathLike[str]
    params: Parameters
    key: str
    on_progress: Progress | None = None
    on_upload: Callable[[str], None] | None = None
    resume: str | None = None


class Submitting:
    """The flows of submits."""

    def __init__(self, decoder: Decoder, outage_s: float) -> None:
        self._decoder = decoder
        self._outage_s = outage_s

    def submit(self, submission: Submission) -> Flow[UUID]:
        """Send a file; the job is safe when this returns."""
        file, body = yield from work(partial(_opened, submission))
        try:
            patience = Patience(self._outage_s)
            if submission.resume or body.size >= RESUMABLE_FROM_BYTES:
                answer = yield from self._in_several_requests(submission, body, patience)
            else:
                answer = yield from self._in_one_request(submission, body, patience)
        finally:
            file.close()
        return UUID(self._decoder.decoded(answer, dict[str, str])["job_id"])

    def rehearse(self, submission: Submission) -> Flow[dict[str, Any]]:
        """Send a file and learn what would be done; nothing is kept."""
        rehearsal = replace(submission, params=[*submission.params, ("dry_run", "true")])
        file, body = yield from work(partial(_opened, rehearsal))
        try:
            answer = yield from self._sent(_whole(rehearsal, body, {}), Patience(self._outage_s))
        finally:
            file.close()
        return self._decoder.decoded(answer, dict[str, Any])

    def _in_one_request(self, submission: Submission, body: FileBody, patience: Patience) -> Flow[Answer]:
        return self._sent(_whole(submission, body, {"Idempotency-Key": submission.key}), patience)

    def _in_several_requests(self, submission: Submission, body: FileBody, patience: Patience) -> Flow[Answer]:
        upload = yield from self._begun(submission, body.total, patience)
        try:
            return (yield from self._appended(upload, body, patience))
        except GeneratorExit:
            raise
        except BaseException:
            if submission.on_upload is None and submission.resume is None:
                yield from _given_up(upload)
            raise

    def _begun(self, submission: Submission, total: int, patience: Patience) -> "Flow[_Upload]":
        if submission.resume:
            return (yield from self._looked_at(_Upload(f"{_SUBMIT}/{submission.resume}"), patience))
        headers = {"Upload-Complete": "?0", "Upload-Length": str(total), "Content-Type": "video/mp4"}
        headers["Idempotency-Key"] = submission.key
        answer = yield from self._sent(Request("POST", _SUBMIT, submission.params, headers), patience)
        upload = _Upload(answer.headers.get("location", "")).moved_to(answer)
        if submission.on_upload is not None:
            submission.on_upload(upload.path.rpartition("/")[2])
        return upload

    def _appended(self, upload: "_Upload", body: FileBody, patience: Patience) -> Flow[Answer]:
        """Send the file from where the upload is; return the answer to the last request, which is that of a submit."""
        while True:
            size = min(body.total - upload.offset, upload.most_bytes)
            is_last = upload.offset + size == body.total
            piece = replace(body, offset=upload.offset, size=size)
            try:
                answer = yield from self._decoder.sent(upload.append(piece, is_last))
            except ReelworkError as error:
                yield Pause(patience.pause_after_s(error))
                upload = yield from self._looked_at(upload, patience)
                continue
            patience.heard()
            if is_last:
                return answer
            upload = upload.moved_to(answer)

    def _looked_at(self, upload: "_Upload", patience: Patience) -> "Flow[_Upload]":
        while True:
            try:
                answer = yield from self._decoder.sent(Request("HEAD", upload.path))
            except ReelworkError as error:
                yield Pause(patience.pause_after_s(error))
            else:
                return upload.moved_to(answer)

    def _sent(self, request: Request, patience: Patience) -> Flow[Answer]:
        """Send a request that may be sent again, until it is answered."""
        while True:
            try:
                answer = yield from self._decoder.sent(request)
            except ReelworkError as error:
                yield Pause(patience.pause_after_s(error))
            else:
                patience.heard()
                return answer


@dataclass(frozen=True)
class _Upload:
    """An upload in several requests, and how far it has come."""

    path: str
    offset: int = 0
    most_bytes: int = APPEND_BYTES

    def moved_to(self, answer: Answer) -> "_Upload":
        offset = answer.headers.get("upload-offset", "")
        if not offset.isdecimal() or not self.path.startswith(_SUBMIT):
            raise ReelworkError("The service did not say how far the upload has come.")
        limit = _MOST_APPENDED.search(answer.headers.get("upload-limit", ""))
        most = min(APPEND_BYTES, int(limit[1])) if limit else self.most_bytes
        return _Upload(self.path, int(offset), max(1, most))

    def append(self, body: FileBody, is_last: bool) -> Request:
        headers = {
            "Content-Type": "application/partial-upload",
            "Upload-Offset": str(self.offset),
            "Upload-Complete": "?1" if is_last else "?0",
        }
        return Request("PATCH", self.path, (), headers, body)


def _opened(submission: Submission) -> tuple[BinaryIO, FileBody]:
    file = Path(submission.path).open("rb")  # noqa: SIM115 - the flow closes it
    total = os.fstat(file.fileno()).st_size
    return file, FileBody(file, 0, total, total, submission.on_progress or _nobody_asks)


def _whole(submission: Submission, body: FileBody, headers: dict[str, str]) -> Request:
    return Request("POST", _SUBMIT, submission.params, {"Content-Type": "video/mp4", **headers}, body)


def _given_up(upload: _Upload) -> Flow[None]:
    try:
        yield from send(Request("DELETE", upload.path, parting=True))
    except ReelworkError:
        return  # the service gives it up by itself, later


def _nobody_asks(sent: int, total: int) -> None:
    return None
