"""Cues as WebVTT and as SubRip."""

from collections.abc import Iterable, Iterator

from reelwork.pipeline.reading.waiting import Cue

_LEAST_MS = 1  # a cue that ends when it begins is none


def webvtt(cues: Iterable[Cue]) -> Iterator[str]:
    """Write a WebVTT file: the name of the node and a number as the identifier of each cue, its text as plain text."""
    yield "WEBVTT\n"
    for number, (start_ms, end_ms, cue, lines) in enumerate(_to_show(cues), 1):
        text = "\n".join(lines).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        yield f"\n{cue.node} {number}\n{_clock(start_ms, '.')} --> {_clock(end_ms, '.')}\n{text}\n"


def subrip(cues: Iterable[Cue]) -> Iterator[str]:
    """Write an SRT file. The format knows no escapes: an arrow like that between times is written shorter."""
    for number, (start_ms, end_ms, _, lines) in enumerate(_to_show(cues), 1):
        text = "\n".join(lines).replace("-->", "->")
        yield f"{number}\n{_clock(start_ms, ',')} --> {_clock(end_ms, ',')}\n{text}\n\n"


def _to_show(cues: Iterable[Cue]) -> Iterator[tuple[int, int, Cue, list[str]]]:
    """Yield what can be shown: neither format knows times before 0, nor text with an empty line in it."""
    for cue in cues:
        text = cue.text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        lines = [line for line in text.splitlines() if line.strip()]
        start_ms, end_ms = max(_ms(cue.start_s), 0), _ms(cue.end_s)
        if lines and end_ms > 0:
            yield start_ms, max(end_ms, start_ms + _LEAST_MS), cue, lines


def _ms(time_s: float) -> int:
    return round(time_s * 1000)


def _clock(time_ms: int, point: str) -> str:
    """Write a time with as many digits of hours as it takes, two at least."""
    seconds, ms = divmod(time_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
