"""The forms in which results are given out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO
from uuid import UUID

import msgspec

from reelwork.pipeline.reading.captions import subrip, webvtt
from reelwork.pipeline.reading.coco import Pictures, coco
from reelwork.pipeline.reading.document import entries_between
from reelwork.pipeline.reading.filters import Filters
from reelwork.pipeline.reading.merging import cues
from reelwork.pipeline.reading.tables import table


@dataclass(frozen=True)
class Source:
    """What is known of the video.

    Attributes:
        width, height: Size in pixels of the upright picture; 0 if it is not known.
        duration_s: Its length, if it is known.
    """

    width: int = 0
    height: int = 0
    duration_s: float | None = None

    @classmethod
    def of(cls, facts: dict[str, Any] | None) -> "Source":
        """Take it from what a job keeps of its source."""
        facts = facts or {}
        size = (facts.get("width") or 0, facts.get("height") or 0)
        width, height = size[::-1] if facts.get("turned") else size
        return cls(width, height, facts.get("duration_s"))


@dataclass(frozen=True)
class Reading:
    """A part of the results document of a job.

    Attributes:
        document: The stored document.
        job_id: The job.
        source: What is known of its video.
        filters: What is left out.
        start, end: Where in the document the first entry begins, in bytes, and the first that is not in the part.
    """

    document: BinaryIO
    job_id: UUID
    source: Source
    filters: Filters
    start: int = 0
    end: int | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield what is left of the entries, in JSON."""
        whole = entries_between(self.document, self.start, self.end)
        if not self.filters.leaves_out:
            return whole
        return (left for entry in whole if (left := self.filters.narrow_json(entry)) is not None)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield what is left of the entries."""
        narrow = self.filters.narrow
        for line in entries_between(self.document, self.start, self.end):
            if (left := narrow(msgspec.json.decode(line))) is not None:
                yield left


@dataclass(frozen=True)
class Format:
    """A form of the results.

    Attributes:
        name: What ``?format=`` calls it, and how its files end.
        media_type: What ``Accept`` calls it.
        content_type: What ``Content-Type`` says.
        write: Writes it, in flat memory.
        by_entry: Whether it is made of entries one after the other, so that pages put together are the whole.
    """

    name: str
    media_type: str
    content_type: str
    write: Callable[[Reading], Iterable[bytes] | Iterable[str]]
    by_entry: bool = False


def _json(reading: Reading) -> Iterator[bytes]:
    yield b'{"job_id":"%b","results":[' % str(reading.job_id).encode()
    before = b"\n"
    for line in reading.lines():
        yield before + line
        before = b",\n"
    yield b"\n]}\n"


def _ndjson(reading: Reading) -> Iterator[bytes]:
    return (line + b"\n" for line in reading.lines())


def _csv(reading: Reading) -> Iterator[str]:
    return table(reading.entries())


def _webvtt(reading: Reading) -> Iterator[str]:
    return webvtt(cues(_with_empty_frames(reading).entries(), reading.source.duration_s))


def _subrip(reading: Reading) -> Iterator[str]:
    return subrip(cues(_with_empty_frames(reading).entries(), reading.source.duration_s))


def _with_empty_frames(reading: Reading) -> Reading:
    """Keep the frames for which nothing is left: they tell when a cue ends."""
    return replace(reading, filters=replace(reading.filters, nonempty=False))


def _coco(reading: Reading) -> Iterator[bytes]:
    return coco(reading.entries, Pictures(reading.job_id, reading.source.width, reading.source.height))


JSON = Format("json", "application/json", "application/json", _json, by_entry=True)
COCO = Format("coco", "application/vnd.reelwork.coco+json", "application/json", _coco)

FORMATS = (
    JSON,
    Format("ndjson", "application/x-ndjson", "application/x-ndjson", _ndjson, by_entry=True),
    Format("csv", "text/csv", "text/csv; charset=utf-8; header=present", _csv, by_entry=True),
    Format("vtt", "text/vtt", "text/vtt; charset=utf-8", _webvtt),
    Format("srt", "application/x-subrip", "application/x-subrip; charset=utf-8", _subrip),
    COCO,
)
"""All of them, the usual one first; of several that are wanted equally, the first."""
