"""The results document, written in its final form as the answers come."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from reelwork.errors import AnalysisFailed
from reelwork.pipeline.definition import TIME
from reelwork.pipeline.executor import FrameResult

# The standard library's, because it can be told to refuse NaN and infinity, which JSON does not know.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

ENTRY = b'{"frame_index"'
"""How the line of an entry begins, and no other line."""


def as_entry(result: FrameResult) -> dict[str, Any]:
    """Give a frame's result the shape of an entry of ``results``."""
    return {"frame_index": result.frame_index, "result": {TIME: result.time_s, **result.outputs}}


def write_results(stream: BinaryIO, job_id: UUID | None, results: Iterable[FrameResult]) -> int:
    """Write ``{"job_id", "results"}`` entry by entry and return how many there were; without a job, just the results.

    Raises:
        AnalysisFailed: An analyzer's answer cannot be written as JSON; the message says which.
    """
    stream.write(b'{"results":[' if job_id is None else b'{"job_id":"%b","results":[' % str(job_id).encode())
    count = 0
    for result in results:
        try:
            entry = _ENCODER.encode(as_entry(result)).encode()
        except (TypeError, ValueError, RecursionError) as error:
            node = next(name for name, answer in result.outputs.items() if not _is_json(answer))
            told = f"What node {node!r} answered for frame {result.frame_index} is not JSON: {error}"
            raise AnalysisFailed(told) from error
        stream.write(b",\n" if count else b"\n")
        stream.write(entry)
        count += 1
    stream.write(b"\n]}\n")
    return count


def _is_json(answer: Any) -> bool:
    try:
        _ENCODER.encode(answer).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def entry_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Pick the entries of a document that ``write_results`` wrote, as they stand there: each has a line of its own."""
    for line in lines:
        if line.startswith(ENTRY):
            yield line.rstrip(b",\n")


def read_entries(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Read the entries of such a document, one by one."""
    return map(msgspec.json.decode, entry_lines(lines))


def find_entry(document: BinaryIO, frame_index: int) -> dict[str, Any] | None:
    """Find the entry of a frame in a document that ``write_results`` wrote; None if there is none.

    The entries are in order, each on a line: halving takes a few reads, whatever the size.
    """
    low, high = 0, document.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        entry = _first_entry_behind(document, middle)
        if entry is None or entry["frame_index"] > frame_index:
            high = middle
        elif entry["frame_index"] < frame_index:
            low = middle + 1
        else:
            return entry
    return None


def _first_entry_behind(document: BinaryIO, place: int) -> dict[str, Any] | None:
    document.seek(place)
    document.readline()  # the rest of the line it fell into; the first line of the document holds no entry
    return next(read_entries(iter(document.readline, b"")), None)
