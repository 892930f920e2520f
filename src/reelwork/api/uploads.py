"""The file of a submit request, handed on while it arrives: memory stays flat whatever its size."""

from collections.abc import Iterator
from email.message import Message
from typing import Protocol

import anyio.from_thread
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser
from starlette.requests import Request

from reelwork.errors import UnsupportedMedia, UploadMalformed, UploadTooLarge
from reelwork.video.mp4 import SNIFF_BYTES, looks_like_mp4

PIECE_BYTES = 2**20
"""The size in which the file goes to storage: every piece costs a change of thread."""

_MAX_FIELD_BYTES = 2**16
_MAX_PARTS = 32
_FILE_FIELD = "file"
_RAW_TYPES = ("video/mp4", "application/mp4", "application/octet-stream")


class _BodyReader(Protocol):
    """Takes the body apart: file bytes in, file bytes out, fields aside."""

    fields: list[tuple[str, str]]

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body and return those of the file."""

    def finish(self) -> None:
        """Raise ``UploadMalformed`` if the body ended too early."""


class Upload:
    """One upload in progress. ``chunks`` is for a worker thread, while the event loop goes on receiving."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        """Look at the headers.

        Raises:
            UploadTooLarge: The announced length is over ``max_bytes`` already.
            UnsupportedMedia: The content type is none that a video comes in.
            UploadMalformed: It is multipart without a boundary.
        """
        self._body = request.stream()
        self._max_bytes = max_bytes
        self._reader = _reader_for(request.headers.get("content-type", ""))
        announced = request.headers.get("content-length", "")
        if isinstance(self._reader, _RawBody) and announced.isdecimal() and int(announced) > max_bytes:
            raise UploadTooLarge(max_bytes)

    @property
    def is_form(self) -> bool:
        """Whether fields may come with the file."""
        return isinstance(self._reader, _MultipartBody)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The other fields of the form; complete when ``chunks`` is exhausted."""
        return self._reader.fields

    def chunks(self) -> Iterator[bytes]:
        """Yield the file, checked as it comes.

        Raises:
            UploadTooLarge, UnsupportedMedia, UploadMalformed: As soon as it shows.
            ClientDisconnect: The client went away half way.
        """
        received = 0
        while piece := anyio.from_thread.run(self._next_piece):
            if received == 0 and not looks_like_mp4(piece[:SNIFF_BYTES]):
                raise UnsupportedMedia("The file is not an MP4. Convert it first: ffmpeg -i input output.mp4")
            received += len(piece)
            if received > self._max_bytes:
                raise UploadTooLarge(self._max_bytes)
            yield piece
        self._reader.finish()

    async def _next_piece(self) -> bytes:
        piece = bytearray()
        async for data in self._body:
            piece += self._reader.feed(data)
            if len(piece) >= PIECE_BYTES:
                break
        return bytes(piece)


def _reader_for(content_type: str) -> _BodyReader:
    header = Message()
    header["content-type"] = content_type
    kind = header.get_content_type() if content_type else ""
    if kind == "multipart/form-data":
        boundary = header.get_boundary()
        if not boundary:
            raise UploadMalformed("The multipart body has no boundary in its Content-Type.")
        return _MultipartBody(boundary.encode("latin-1"))
    if kind in _RAW_TYPES:
        return _RawBody()
    raise UnsupportedMedia(
        f"Send the MP4 as a raw body with Content-Type: video/mp4, or as the multipart/form-data field "
        f"{_FILE_FIELD!r}; this was {content_type or 'sent without a Content-Type'}."
    )


class _RawBody:
    """The body is the file."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> None:
        return None


class _MultipartBody:
    """A form: one file part among text fields, in any order."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: list[tuple[str, str]] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )
        self._parts = 0
        self._file_seen = False
        self._ended = False
        self._file = bytearray()
        self._value = bytearray()
        self._name = ""
        self._headers = Message()
        self._header_name = bytearray()
        self._header_value = bytearray()

    def feed(self, data: bytes) -> bytes:
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise UploadMalformed("The multipart body is malformed.") from error
        file_bytes, self._file = bytes(self._file), bytearray()
        return file_bytes

    def finish(self) -> None:
        if not self._ended:
            raise UploadMalformed("The multipart body ends before its closing boundary.")
        if not self._file_seen:
            raise UploadMalformed(f"The form has no field named {_FILE_FIELD!r}.")

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise UploadMalformed(f"The form has more than {_MAX_PARTS} fields.")
        self._headers = Message()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1")] = self._header_value.decode("utf-8", "replace")
        self._header_name, self._header_value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        name = self._headers.get_param("name", "", header="content-disposition")
        self._name = name if isinstance(name, str) else ""
        self._value = bytearray()
        if self._name == _FILE_FIELD:
            if self._file_seen:
                raise UploadMalformed(f"The form has more than one field named {_FILE_FIELD!r}: submit one at a time.")
            self._file_seen = True

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == _FILE_FIELD:
            self._file += data[start:end]
            return
        self._value += data[start:end]
        if len(self._value) > _MAX_FIELD_BYTES:
            raise UploadMalformed(f"The form field {self._name!r} is longer than {_MAX_FIELD_BYTES} bytes.")

    def _on_part_end(self) -> None:
        if self._name != _FILE_FIELD:
            self.fields.append((self._name, self._value.decode("utf-8", "replace")))

    def _on_end(self) -> None:
        self._ended = True
