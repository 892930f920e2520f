"""The file of a request, handed on while it arrives: memory stays flat whatever its size."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Protocol, Self

from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from reelwork.api.uploads.multipart import FILE_FIELD, MultipartBody
from reelwork.errors import UnsupportedMedia, UploadMalformed, UploadTooLarge
from reelwork.video.mp4 import SNIFF_BYTES, looks_like_mp4

PIECE_BYTES = 2**19
"""The size in which the file goes to storage: small ones cost changes of thread, large ones leave the cache."""

PIECES_AHEAD = 3
"""How many are collected while the thread is busy with one."""

PARTIAL_TYPE = "application/partial-upload"

_RAW_TYPES = (b"video/mp4", b"application/mp4", b"application/octet-stream")
_LONGEST_PIECE_S = 1.0


class _Reader(Protocol):
    """Takes the body apart: file bytes out, fields aside."""

    fields: list[tuple[str, str]]

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body and return those of the file."""

    def finish(self) -> None:
        """Raise ``UploadMalformed`` if the body ended too early."""


class Body:
    """The body of a request in progress; a context that ends with the request.

    ``chunks`` is for a worker thread. The event loop goes on receiving: while the thread is busy with one
    piece, the next are collected, so that neither waits for the other.
    """

    def __init__(self, request: Request, reader: _Reader) -> None:
        self._receive = request.receive
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._pieces: SimpleQueue[bytes | Exception | None] = SimpleQueue()
        self._room = asyncio.Semaphore(PIECES_AHEAD)
        self._arrival: asyncio.Task[None] | None = None
        self._is_over = False
        self._is_whole = False

    @property
    def is_form(self) -> bool:
        """Whether fields may come with the file."""
        return isinstance(self._reader, MultipartBody)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The other fields of the form; complete when ``chunks`` is exhausted."""
        return self._reader.fields

    async def __aenter__(self) -> Self:
        """Collect the first piece: a small file is there before a thread is needed."""
        self._pieces.put(await self._collect())
        if self._is_over:
            self._pieces.put(None)
        else:
            self._arrival = asyncio.create_task(self._collect_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._arrival is not None:
            self._arrival.cancel()

    def chunks(self) -> Iterator[bytes]:
        """Yield the file in pieces; an empty one says that nothing came for a while.

        Raises:
            UploadMalformed: It is not what its headers say.
            UploadStalled: Nothing came for too long, as whoever receives it says.
            ClientDisconnect: The client went away half way, or the request was ended.
        """
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
            self._loop.call_soon_threadsafe(self._room.release)
        if not self._is_whole:
            raise ClientDisconnect
        self._reader.finish()

    async def _collect_all(self) -> None:
        try:
            while not self._is_over:
                await self._room.acquire()
                self._pieces.put(await self._collect())
        except Exception as error:
            self._pieces.put(error)
        finally:
            self._pieces.put(None)

    async def _collect(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_PIECE_S):
                while not self._is_over and size < PIECE_BYTES:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        self._is_over = True
                        break
                    parts.append(self._reader.feed(message.get("body", b"")))
                    size += len(parts[-1])
                    self._is_over = self._is_whole = not message.get("more_body", False)
        return b"".join(parts)


def file_of(request: Request) -> Body:
    """Return the body of a submit by its headers.

    Raises:
        UnsupportedMedia: The content type is none that a video comes in.
        UploadMalformed: It is multipart without a boundary.
    """
    return Body(request, _reader_for(request.headers.get("content-type", "")))


def require_room(request: Request, body: Body, max_bytes: int) -> None:
    """Look at the length that is announced, if it is that of the file.

    Raises:
        UploadTooLarge: It is over ``max_bytes`` already.
    """
    announced = content_length(request)
    if not body.is_form and announced is not None and announced > max_bytes:
        raise UploadTooLarge(max_bytes)


def beginning_of_file(request: Request) -> Body:
    """Return the body of a request that begins an upload in several.

    Raises:
        UnsupportedMedia: It is not raw.
    """
    if _kind(request.headers.get("content-type", "video/mp4")) not in _RAW_TYPES:
        raise UnsupportedMedia("An upload in several requests is sent raw: begin it with Content-Type: video/mp4.")
    return Body(request, _RawBody())


def rest_of_file(request: Request) -> Body:
    """Return the body of a request that appends.

    Raises:
        UnsupportedMedia: It is not marked as such.
    """
    if _kind(request.headers.get("content-type", "")) != PARTIAL_TYPE.encode():
        raise UnsupportedMedia(f"Append to an upload with Content-Type: {PARTIAL_TYPE}.")
    return Body(request, _RawBody())


def content_length(request: Request) -> int | None:
    """Return how long the body is said to be."""
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isdecimal() else None


def checked(chunks: Iterator[bytes], max_bytes: int) -> Iterator[bytes]:
    """Look at a file as it comes.

    Raises:
        UploadTooLarge, UnsupportedMedia: As soon as it shows.
        Whatever ``chunks`` raises.
    """
    received = 0
    for piece in chunks:
        if received == 0 and piece and not looks_like_mp4(piece[:SNIFF_BYTES]):
            raise UnsupportedMedia("The file is not an MP4. Convert it first: ffmpeg -i input output.mp4")
        received += len(piece)
        if received > max_bytes:
            raise UploadTooLarge(max_bytes)
        yield piece


def _reader_for(content_type: str) -> _Reader:
    kind, options = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise UploadMalformed("The multipart body has no boundary in its Content-Type.")
        return MultipartBody(boundary)
    if kind in _RAW_TYPES:
        return _RawBody()
    raise UnsupportedMedia(
        f"Send the MP4 as a raw body with Content-Type: video/mp4, or as the multipart/form-data field "
        f"{FILE_FIELD!r}; this was {content_type or 'sent without a Content-Type'}."
    )


def _kind(content_type: str) -> bytes:
    return parse_options_header(content_type)[0]


class _RawBody:
    """The body is the file."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> None:
        return None
