"""A stored results document, read from any entry on by its place in bytes."""

import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from reelwork.pipeline.results import ENTRY, entry_lines

# Whoever reads shares the interpreter with the threads that answer other requests. A thread that computes without
# end keeps it for 5 ms each time another one asks; one that sleeps now and then gives it away at once.
_WORK_S = 0.002
_BREATH_S = 0.00005
_LOOK_AT_THE_CLOCK_EVERY = 16


def entries_between(document: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the entries whose first bytes stand at ``start`` or behind it and before ``end``, as JSON."""
    return entry_lines(line for _, line in _lines(document, start, end))


def begins_entry(document: BinaryIO, offset: int) -> bool:
    """Tell whether an entry begins at this very byte."""
    if offset < 1:
        return False
    document.seek(offset - 1)
    return document.read(1 + len(ENTRY)) == b"\n" + ENTRY


def next_page(document: BinaryIO, start: int, limit: int, stays: Callable[[bytes], bool]) -> int | None:
    """Find where a page of ``limit`` entries ends that begins at ``start``.

    Args:
        document: The document.
        start: Where the page begins, in bytes.
        limit: How many entries it may have.
        stays: Tells whether an entry (its JSON) counts.

    Returns:
        Where the first entry begins that belongs to the next page; None if this is the last.
    """
    left = limit
    for offset, line in _lines(document, start, None):
        if line.startswith(ENTRY) and stays(line.rstrip(b",\n")):
            if not left:
                return offset
            left -= 1
    return None


def _lines(document: BinaryIO, start: int, end: int | None) -> Iterator[tuple[int, bytes]]:
    document.seek(start)
    offset = start
    breath_due = time.monotonic() + _WORK_S
    for number, line in enumerate(document):
        if end is not None and offset >= end:
            return
        yield offset, line
        offset += len(line)
        if number % _LOOK_AT_THE_CLOCK_EVERY == 0 and time.monotonic() > breath_due:
            time.sleep(_BREATH_S)
            breath_due = time.monotonic() + _WORK_S
