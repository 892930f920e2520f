"""Reading what may be long: results frame by frame, files piece by piece, and lists page by page."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from reelwork.client.answers import FrameResult, JobEntry
from reelwork.client.decoding import Decoder
from reelwork.client.errors import ServiceUnreachable, UnexpectedAnswer
from reelwork.client.flow import Answer, Flow, Give, Pause, Read, Request, work
from reelwork.client.options import parameters
from reelwork.client.patience import Patience
from reelwork.errors import ReelworkError


def results(decoder: Decoder, job_id: UUID | str, filters: Mapping[str, Any], patience: Patience) -> Flow[None]:
    """Give the frames, in order. Where the connection breaks, go on behind the last frame that came whole."""
    lines = _Lines(decoder.url)
    while True:
        wanted = {**filters, **lines.behind_the_last, "format": "ndjson"}
        request = Request("GET", f"/video/results/{job_id}", parameters(wanted))
        try:
            yield from decoder.opened(request)
            while piece := (yield Read()):
                if frames := lines.take(piece):
                    patience.heard()
                    yield Give(frames)
            if frames := lines.end():
                yield Give(frames)
        except ReelworkError as error:
            yield Pause(patience.pause_after_s(error))
            lines.forget_half()
        else:
            return


class _Lines:
    """Cuts NDJSON into frames; those that came before a connection broke are not taken twice."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._decode = msgspec.json.Decoder(FrameResult).decode
        self._half = b""
        self._last: FrameResult | None = None

    @property
    def behind_the_last(self) -> dict[str, float]:
        """The filter that leaves out most of what came already."""
        return {} if self._last is None else {"start_s": self._last.time_s}

    def take(self, piece: bytes) -> list[FrameResult]:
        *whole, self._half = (self._half + piece).split(b"\n")
        return self._frames(whole)

    def end(self) -> list[FrameResult]:
        return self._frames([self._half])

    def forget_half(self) -> None:
        self._half = b""

    def _frames(self, lines: list[bytes]) -> list[FrameResult]:
        try:
            frames = [self._decode(line) for line in lines if line]
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(self._url, str(error)) from error
        if self._last is not None:
            frames = [frame for frame in frames if frame.frame_index > self._last.frame_index]
        if frames:
            self._last = frames[-1]
        return frames


def download(decoder: Decoder, request: Request, file: BinaryIO, patience: Patience) -> Flow[int]:
    """Write the answer to a file as it arrives, and return its size.

    Where the connection breaks, go on from there if the service can send the rest of the very same answer.
    """
    size, tag = 0, ""
    while True:
        rest = {"Range": f"bytes={size}-", "If-Range": tag} if size else {}
        # Ranges count the bytes as they are sent, so they must not be compressed.
        asked = replace(request, headers={**request.headers, "Accept-Encoding": "identity", **rest})
        try:
            answer = yield from decoder.opened(asked)
            if size and answer.status != 206:
                raise UnexpectedAnswer(decoder.url, "what it sends has changed half way.")
            tag = _lasting_tag(answer)
            while piece := (yield Read()):
                yield from work(partial(file.write, piece))
                size += len(piece)
                patience.heard()
        except ServiceUnreachable as error:
            if size and not tag:
                raise
            yield Pause(patience.pause_after_s(error))
        else:
            return size


def _lasting_tag(answer: Answer) -> str:
    """Return the tag by which the rest of an answer can be asked for; empty if that cannot be."""
    tag = answer.headers.get("etag", "")
    return "" if tag.startswith("W/") or answer.headers.get("accept-ranges") != "bytes" else tag


def jobs(decoder: Decoder, filters: Mapping[str, Any], page_size: int | None) -> Flow[None]:
    """Give the jobs, the newest first, page by page as they are wanted."""
    asked: dict[str, Any] = {**filters, "limit": page_size}
    while True:
        page = yield from decoder.get("/video/jobs", _Page, parameters(asked))
        yield Give([decoder.converted(entry, JobEntry) for entry in page.jobs])
        if page.next_cursor is None:
            return
        asked["cursor"] = page.next_cursor


class _Page(msgspec.Struct):
    jobs: list[dict[str, Any]]
    next_cursor: str | None = None
