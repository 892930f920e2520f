"""The headers of uploads: structured fields (RFC 9651) of the resumable upload draft, and Idempotency-Key."""

from typing import Any

import http_sf
from starlette.requests import Request

from reelwork.api.uploads.body import content_length
from reelwork.errors import UploadMalformed
from reelwork.uploads.partials import Upload
from reelwork.uploads.resumable import Appending

_MOST_KEY_CHARACTERS = 255
_LARGEST_INTEGER = 999_999_999_999_999
"""Of a structured field; RFC 9651, section 3.3.1."""


def idempotency_key(request: Request) -> str | None:
    """Return what the client calls this request: a structured string, or the bare words many clients send.

    Raises:
        UploadMalformed: It is empty, too long, or holds what a header should not.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = given[0].strip()
    if key.startswith('"'):
        value = _item(key)
        key = value if isinstance(value, str) else ""
    if len(given) > 1 or not 0 < len(key) <= _MOST_KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise UploadMalformed(
            f"Idempotency-Key is one word or quoted string of 1 to {_MOST_KEY_CHARACTERS} ASCII characters."
        )
    return key


def upload_complete(request: Request) -> bool | None:
    """Return whether the request says that it brings the last of an upload; None if it says nothing of it.

    Raises:
        UploadMalformed: It says something else.
    """
    value = _given(request, "upload-complete")
    if value is not None and not isinstance(value, bool):
        raise UploadMalformed("Upload-Complete is ?1 with the last bytes of a file, and ?0 before.")
    return value


def upload_length(request: Request) -> int | None:
    """Return how long the request says that the whole file is; None if it says nothing of it.

    Raises:
        UploadMalformed: It says something else.
    """
    return _length(request, "Upload-Length")


def appending(request: Request, *, at_start: bool = False) -> Appending:
    """Return what a request says of the bytes it brings.

    Raises:
        UploadMalformed: It does not say enough, or something else.
    """
    offset = 0 if at_start else _length(request, "Upload-Offset")
    completes = upload_complete(request)
    if offset is None or completes is None:
        raise UploadMalformed(
            "Say where the bytes begin and whether they are the last: Upload-Offset, Upload-Complete."
        )
    return Appending(offset, completes, content_length(request), upload_length(request))


def limits(max_bytes: int, expiry_s: float) -> str:
    """Return the value of ``Upload-Limit``."""
    return http_sf.ser({"max-size": min(max_bytes, _LARGEST_INTEGER), "max-age": int(expiry_s)})


def state_of(upload: Upload) -> dict[str, str]:
    """Return the headers that say how far an upload has come, and what has become of it."""
    told = {"Upload-Offset": str(upload.received_bytes), "Upload-Complete": "?1" if upload.job_id else "?0"}
    if upload.total_bytes is not None:
        told["Upload-Length"] = str(upload.total_bytes)
    return {**told, "Cache-Control": "no-store"}


def _length(request: Request, name: str) -> int | None:
    value = _given(request, name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise UploadMalformed(f"{name} is a number of bytes.")
    return value


def _given(request: Request, name: str) -> Any:
    """Return the value of a header, None if it is not there; what cannot be read is an empty text."""
    given = request.headers.getlist(name)
    value = _item(", ".join(given)) if given else None
    return "" if given and value is None else value


def _item(text: str) -> Any:
    try:
        parsed: Any = http_sf.parse(text.encode("latin-1"), tltype="item")
    except (ValueError, UnicodeEncodeError):
        return None
    return parsed[0]
