"""A form taken apart while it arrives: the bytes of its file handed on, its fields kept."""

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from reelwork.errors import UploadMalformed

FILE_FIELD = "file"

_MAX_FIELD_BYTES = 2**16
_MAX_PARTS = 32


class MultipartBody:
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
        self._disposition = b""
        self._header_name = bytearray()
        self._header_value = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body and return those of the file.

        Raises:
            UploadMalformed: It is no form, or not one that a video is sent with.
        """
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise UploadMalformed("The multipart body is malformed.") from error
        file_bytes, self._file = bytes(self._file), bytearray()
        return file_bytes

    def finish(self) -> None:
        """Raise ``UploadMalformed`` if the body ended too early."""
        if not self._ended:
            raise UploadMalformed("The multipart body ends before its closing boundary.")
        if not self._file_seen:
            raise UploadMalformed(f"The form has no field named {FILE_FIELD!r}.")

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise UploadMalformed(f"The form has more than {_MAX_PARTS} fields.")
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name, self._header_value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._value = bytearray()
        if self._name == FILE_FIELD:
            if self._file_seen:
                raise UploadMalformed(f"The form has more than one field named {FILE_FIELD!r}: submit one at a time.")
            self._file_seen = True

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE_FIELD:
            self._file += data[start:end]
            return
        self._value += data[start:end]
        if len(self._value) > _MAX_FIELD_BYTES:
            raise UploadMalformed(f"The form field {self._name!r} is longer than {_MAX_FIELD_BYTES} bytes.")

    def _on_part_end(self) -> None:
        if self._name != FILE_FIELD:
            self.fields.append((self._name, self._value.decode("utf-8", "replace")))

    def _on_end(self) -> None:
        self._ended = True
