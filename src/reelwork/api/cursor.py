"""Cursors: where a page of jobs ended, in a form that nobody is to read or to write."""

import hashlib
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

from reelwork.errors import InvalidOptions, Mistake
from reelwork.jobs.listing import JobFilter, Position

_CONTENT = struct.Struct(">q16s")
_CHECK_BYTES = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def write_cursor(position: Position, asked: JobFilter) -> str:
    """Write a position in the list of those jobs."""
    moment = (position.created_at - _EPOCH) // _MICROSECOND
    content = _CONTENT.pack(moment, position.job_id.bytes)
    return urlsafe_b64encode(content + _check(content, asked)).decode()


def read_cursor(cursor: str, asked: JobFilter) -> Position:
    """Read what ``write_cursor`` wrote.

    Raises:
        InvalidOptions: It wrote no such thing, or for a list of other jobs.
    """
    try:
        given = urlsafe_b64decode(cursor.encode("ascii"))
        content = given[: _CONTENT.size]
        if given[_CONTENT.size :] != _check(content, asked) or urlsafe_b64encode(given).decode() != cursor:
            raise ValueError(cursor)
        moment, job_id = _CONTENT.unpack(content)
        return Position(_EPOCH + moment * _MICROSECOND, UUID(bytes=job_id))
    except (ValueError, OverflowError, struct.error) as error:
        mistake = "this is no cursor of this list: begin anew without one, and keep the filters from page to page"
        raise InvalidOptions([Mistake("cursor", mistake)]) from error


def _check(content: bytes, asked: JobFilter) -> bytes:
    # Not against forgery, which would gain nothing: against cursors that were cut, changed or mixed up.
    return hashlib.blake2b(content + repr(asked).encode(), digest_size=_CHECK_BYTES).digest()
