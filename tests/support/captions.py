"""Strict readers of WebVTT and SRT: what they do not know they refuse."""

import html
import re

_VTT_TIMES = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})")
_SRT_TIMES = re.compile(r"(\d{2,}):([0-5]\d):([0-5]\d),(\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d),(\d{3})")
_ESCAPED = re.compile(r"&(?!(?:amp|lt|gt);)|<|>")

ReadCue = tuple[int, int, str]
"""Begin and end in milliseconds, and the text."""


def read_vtt(file: str) -> list[ReadCue]:
    """Read a WebVTT file of cues with identifiers and plain text."""
    header, *blocks = _blocks(file)
    assert header == ["WEBVTT"]
    identifiers = [block[0] for block in blocks]
    assert len(set(identifiers)) == len(identifiers)
    cues = []
    for identifier, times, *lines in blocks:
        assert "-->" not in identifier
        for line in lines:
            assert not _ESCAPED.search(line), line
        cues.append((*_times(_VTT_TIMES, times), html.unescape("\n".join(lines))))
    assert [start for start, _, _ in cues] == sorted(start for start, _, _ in cues)
    return cues


def read_srt(file: str) -> list[ReadCue]:
    """Read an SRT file."""
    cues = []
    for number, (counted, times, *lines) in enumerate(_blocks(file), 1):
        assert counted == str(number)
        assert all("-->" not in line for line in lines)
        cues.append((*_times(_SRT_TIMES, times), "\n".join(lines)))
    assert [start for start, _, _ in cues] == sorted(start for start, _, _ in cues)
    return cues


def _blocks(file: str) -> list[list[str]]:
    """Split at empty lines; the ends of lines are those that WebVTT knows."""
    assert "\0" not in file
    lines = re.split(r"\r\n|\n|\r", file)
    assert lines.pop() == ""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return blocks if blocks[-1] else blocks[:-1]


def _times(pattern: re.Pattern[str], line: str) -> tuple[int, int]:
    read = pattern.fullmatch(line)
    assert read, line
    parts = list(map(int, read.groups()))
    start, end = (((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (parts[:4], parts[4:]))
    assert start < end
    return start, end
