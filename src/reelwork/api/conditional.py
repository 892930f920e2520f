"""Requests for what has changed, and for a part (RFC 9110, sections 8.8.3, 13 and 14)."""

import hashlib
import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from reelwork.errors import RangeNotSatisfiable

_TAGS = re.compile(r'(?:W/)?("[^"]*")')
_SINGLE_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*", re.ASCII | re.IGNORECASE)
_MOST_DIGITS = 18


@dataclass(frozen=True)
class ByteRange:
    """Bytes ``first`` to ``last`` of ``size``, both in it."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1

    @property
    def content_range(self) -> str:
        """What ``Content-Range`` says of it."""
        return f"bytes {self.first}-{self.last}/{self.size}"


def strong_tag(*parts: object) -> str:
    """Return a strong entity tag that changes with any of the parts."""
    digest = hashlib.sha256("\0".join(map(repr, parts)).encode("utf-8", "surrogatepass"))
    return f'"{digest.hexdigest()[:32]}"'


def is_unchanged(headers: Headers, tag: str) -> bool:
    """Tell whether the client has the representation of this tag already, and wants it only if it has not."""
    wanted = ",".join(headers.getlist("if-none-match"))
    return wanted.strip() == "*" or tag in _TAGS.findall(wanted)


def requested_range(headers: Headers, tag: str, size: int) -> ByteRange | None:
    """Return the one range of bytes that is asked for.

    Several ranges, other units and what cannot be read are not served: the answer is then the whole, as is that to
    ``If-Range`` with another tag.

    Raises:
        RangeNotSatisfiable: There are no such bytes.
    """
    asked = _SINGLE_RANGE.fullmatch(headers.get("range", ""))
    if asked is None or headers.get("if-range", tag) != tag or max(map(len, asked.groups())) > _MOST_DIGITS:
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if first and last and int(first) > int(last):
        return None
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, end, size)
