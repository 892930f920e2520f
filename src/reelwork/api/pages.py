"""Pages of results: cursors that say where in the stored document the next one begins."""

import hashlib
import re
from collections.abc import Callable, Iterable
from typing import BinaryIO
from urllib.parse import urlencode

from reelwork.errors import InvalidOptions, Mistake
from reelwork.pipeline.reading.document import begins_entry, next_page
from reelwork.pipeline.reading.filters import Filters

_CURSOR = re.compile(r"([0-9a-f]{1,12})\.[0-9a-f]{16}")


class Pages:
    """The pages of one document under certain filters."""

    def __init__(self, document: BinaryIO, key: str, filters: Filters) -> None:
        """Take a document.

        Args:
            document: The document.
            key: Tells it from all others.
            filters: What is left out of it.
        """
        self._document = document
        self._filters = filters
        # Sets have no order of their own.
        nodes, labels = sorted(filters.nodes), sorted(filters.labels)
        rest = (filters.start_s, filters.end_s, filters.q, filters.min_confidence, filters.nonempty)
        self._what = repr((key, nodes, labels, *rest))

    def start(self, cursor: str | None) -> int:
        """Return where a page begins, in bytes.

        Raises:
            InvalidOptions: The cursor was not given for these results and these filters.
        """
        if cursor is None:
            return 0
        read = _CURSOR.fullmatch(cursor)
        offset = int(read[1], 16) if read else 0
        # Whoever computes a cursor of their own comes no further than to another entry of the same document.
        if cursor != self._cursor(offset) or not begins_entry(self._document, offset):
            raise InvalidOptions([Mistake("cursor", "was not given for these results and these filters")])
        return offset

    def following(self, start: int, limit: int) -> tuple[int, str] | None:
        """Return where the page behind the one at ``start`` begins, and its cursor; None if that is the last."""
        offset = next_page(self._document, start, limit, self._stays)
        return None if offset is None else (offset, self._cursor(offset))

    @property
    def _stays(self) -> Callable[[bytes], bool]:
        if not self._filters.drops_frames:
            return lambda entry: True
        return lambda entry: self._filters.narrow_json(entry) is not None

    def _cursor(self, offset: int) -> str:
        digest = hashlib.sha256(f"{offset} {self._what}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"{offset:x}.{digest[:16]}"


def link_to_next(path: str, given: Iterable[tuple[str, str]], cursor: str) -> str:
    """Return the ``Link`` header that leads to the next page with the same parameters."""
    query = [*((name, value) for name, value in given if name != "cursor"), ("cursor", cursor)]
    return f'<{path}?{urlencode(query)}>; rel="next"'
