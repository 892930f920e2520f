"""A short account of a results document for a person at a terminal: what was found, and when.

Equal answers on consecutive analysed frames become one row. The account goes by the shape of the answers and knows
no analyzer: items with a ``text`` or a ``label`` are named by it, numbered shots by their number, flags by
the names of those that are set, and anything else is shown as JSON.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

MOST_ROWS = 20
"""Rows shown per node; of more findings, those seen longest are shown."""

_DASH = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_TIMELINE_CELLS = 16
_LONGEST_JSON = 200


@dataclass(frozen=True)
class Sighting:
    """Something one answer names."""

    what: str
    kind: str = ""
    confidence: float | None = None
    count: int = 1


@dataclass
class Finding:
    """The same thing seen on consecutive analysed frames: the highest confidence and the largest count of it."""

    what: str
    kind: str
    first_frame: int
    last_frame: int
    first_s: float
    last_s: float
    confidence: float | None
    count: int
    frames: int = 1

    def extend(self, sighting: Sighting, frame: int, time_s: float) -> None:
        """Add the next frame."""
        self.last_frame, self.last_s = frame, time_s
        self.confidence = _higher(self.confidence, sighting.confidence)
        self.count = max(self.count, sighting.count)
        self.frames += 1


def findings(entries: Iterable[Mapping[str, Any]], node: str) -> list[Finding]:
    """Merge what ``node`` answered for each entry of ``results``, in the order of first sight."""
    found: list[Finding] = []
    lasting: dict[tuple[str, str], Finding] = {}
    for entry in entries:
        frame, time_s = entry["frame_index"], entry["result"]["time_s"]
        before, lasting = lasting, {}
        for key, sighting in _sightings(entry["result"].get(node)).items():
            if key in before:
                lasting[key] = before[key]
                lasting[key].extend(sighting, frame, time_s)
            else:
                what, kind, confidence, count = sighting.what, sighting.kind, sighting.confidence, sighting.count
                lasting[key] = Finding(what, kind, frame, frame, time_s, time_s, confidence, count)
                found.append(lasting[key])
    return found


def render(document: Mapping[str, Any], console: "Console", *, title: str = "") -> None:
    """Print the account.

    Args:
        document: A results document, ``{"job_id", "results"}``.
        console: Where to; 80 columns are enough.
        title: What the video is called.
    """
    entries = document["results"]
    console.print(_headline(entries, title))
    nodes = list(dict.fromkeys(name for entry in entries for name in entry["result"] if name != "time_s"))
    for node in nodes:
        console.print()
        for part in _section(node, entries):
            console.print(part)


def _sightings(answer: Any) -> dict[tuple[str, str], Sighting]:
    """Return what an answer names, equal things counted."""
    sightings: dict[tuple[str, str], Sighting] = {}
    for item in _named(answer):
        key = (item.what, item.kind)
        other = sightings.get(key)
        if other:
            item = Sighting(*key, _higher(item.confidence, other.confidence), other.count + 1)
        sightings[key] = item
    return sightings


def _named(answer: Any) -> list[Sighting]:
    if answer is None:
        return []
    if isinstance(answer, list):
        return [_item(item) for item in answer]
    if isinstance(answer, dict) and isinstance(answer.get("shot"), int):
        return [Sighting(f"shot {answer['shot']}")]
    if isinstance(answer, dict) and any(isinstance(value, bool) for value in answer.values()):
        return [Sighting(name) for name, value in answer.items() if value is True]
    return [_item(answer)]


def _item(item: Any) -> Sighting:
    if isinstance(item, dict):
        name = item.get("text", item.get("label"))
        if isinstance(name, str):
            confidence = item.get("confidence")
            known = isinstance(confidence, int | float)
            return Sighting(printable(name), printable(str(item.get("format", ""))), confidence if known else None)
    text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    return Sighting(printable(text if len(text) <= _LONGEST_JSON else text[:_LONGEST_JSON] + "…"))


def printable(text: str) -> str:
    """Keep what a video says from steering the terminal: no escapes, no changes of direction."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _higher(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known, default=None)


def _headline(entries: Sequence[Mapping[str, Any]], title: str) -> "Text":
    from rich.text import Text

    line = Text(printable(title), style="bold")
    line.append("  " if title else "")
    if not entries:
        return line.append("No frame was analysed.", style="yellow")
    frames = f"{len(entries)} frame{'s' if len(entries) > 1 else ''} analysed"
    line.append(frames, style="bold green")
    first_s, last_s = _span(entries)
    return line.append(f"  {_clock(first_s, last_s)} {_DASH} {_clock(last_s, last_s)}", style="dim not bold")


def _section(node: str, entries: Sequence[Mapping[str, Any]]) -> "list[RenderableType]":
    from rich.text import Text

    found = findings(entries, node)
    heading = Text(printable(node), style="bold cyan")
    if not found:
        return [heading.append("  nothing found", style="dim not bold")]
    different = len({(finding.what, finding.kind) for finding in found})
    heading.append(f"  {different} different" if different > 1 else "", style="dim not bold")
    longest = sorted(found, key=lambda finding: finding.frames, reverse=True)[:MOST_ROWS]
    shown = [finding for finding in found if any(finding is other for other in longest)]
    parts: list[RenderableType] = [heading, _table(shown, entries)]
    if len(found) > len(shown):
        parts.append(Text(f"  and {len(found) - len(shown)} briefer ones: the results document has them", style="dim"))
    return parts


def _table(found: Sequence[Finding], entries: Sequence[Mapping[str, Any]]) -> "RenderableType":
    from rich.table import Table

    first_s, last_s = _span(entries)
    last_frame = entries[-1]["frame_index"]
    sure = any(finding.confidence is not None for finding in found)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("  when", no_wrap=True)
    # Wide enough for any range of this video, so that the tables of all nodes line up.
    table.add_column("time", no_wrap=True, min_width=2 * len(_clock(last_s, last_s)) + 3)
    table.add_column("frames", no_wrap=True, min_width=max(2 * len(str(last_frame)) + 1, len("frames")))
    table.add_column("what", overflow="fold", ratio=1)
    if sure:
        table.add_column("conf.", justify="right", no_wrap=True)
    for finding in found:
        when, confidence = _timeline(finding, first_s, last_s), [_percent(finding.confidence)] if sure else []
        table.add_row(when, _times(finding, last_s), _frames(finding), _what(finding), *confidence)
    return table


def _timeline(finding: Finding, first_s: float, last_s: float) -> "Text":
    """Draw when in the video it is to be seen."""
    from rich.text import Text

    cell_s = (last_s - first_s) / _TIMELINE_CELLS or 1.0
    start = min(int((finding.first_s - first_s) / cell_s), _TIMELINE_CELLS - 1)
    end = min(int((finding.last_s - first_s) / cell_s), _TIMELINE_CELLS - 1) + 1
    line = Text("  ").append("─" * start, style="dim")
    return line.append("━" * (end - start), style="bold green").append("─" * (_TIMELINE_CELLS - end), style="dim")


def _times(finding: Finding, longest_s: float) -> str:
    first = _clock(finding.first_s, longest_s)
    return first if finding.frames == 1 else f"{first} {_DASH} {_clock(finding.last_s, longest_s)}"


def _frames(finding: Finding) -> str:
    return str(finding.first_frame) if finding.frames == 1 else f"{finding.first_frame}{_DASH}{finding.last_frame}"


def _what(finding: Finding) -> "Text":
    from rich.text import Text

    text = Text(finding.what, style="bold")
    if finding.count > 1:
        text.append(f" {_TIMES}{finding.count}", style="not bold")
    return text.append(f"  {finding.kind}" if finding.kind else "", style="dim not bold")


def _percent(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.0%}"


def _span(entries: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    return entries[0]["result"]["time_s"], entries[-1]["result"]["time_s"]


def _clock(time_s: float, longest_s: float) -> str:
    """Write a time: to the millisecond, or to the tenth in a video of hours."""
    if longest_s < 3600:
        milliseconds = round(time_s * 1000)
        return f"{milliseconds // 60000}:{milliseconds % 60000 / 1000:06.3f}"
    tenths = round(time_s * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths % 600 / 10:04.1f}"
