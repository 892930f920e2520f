"""The diagrams of the documentation, drawn from the code as plain SVG that can be read in the dark and in the light."""

import math
import textwrap
from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple

from reelwork.jobs.lifecycle import TRANSITIONS, JobStatus
from walk import API, CLIENT, SUPERVISOR, WALK, Step

_STYLE = """<style>
  .paper { fill: #ffffff } .box { fill: #eef2f7; stroke: #44546a } .line { stroke: #44546a; fill: none }
  .life { stroke: #b8c2cf; stroke-dasharray: 3 4 } .head, .dot { fill: #44546a }
  text { font: 13px system-ui, sans-serif; fill: #1c2530 } .strong { font-weight: 600 }
  .code { font-family: ui-monospace, monospace; font-size: 12px; font-weight: 600 }
  .middle { text-anchor: middle } .halo { paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #14181f } .box { fill: #232b37; stroke: #9fb0c6 } .line { stroke: #9fb0c6 }
    .life { stroke: #4a5666 } .head, .dot { fill: #9fb0c6 } text { fill: #e6ebf2 } .halo { stroke: #14181f }
  }
</style>
<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
  <path class="head" d="M0 0 L10 5 L0 10 z"/></marker></defs>
"""


class Point(NamedTuple):
    """A place in a drawing, in pixels from its top left corner."""

    x: float
    y: float


_PLACES = {
    JobStatus.PENDING: Point(110, 130),
    JobStatus.RUNNING: Point(430, 130),
    JobStatus.COMPLETED: Point(750, 50),
    JobStatus.FAILED: Point(750, 210),
}
_HALF_WIDTH, _HALF_HEIGHT = 60, 21
_BENDS = {(JobStatus.FAILED, JobStatus.PENDING): 95}
_BEND = 30
_LANES = {CLIENT: 50, API: 150, SUPERVISOR: 290}
_WORDS_AT, _ROW, _TOP = 370, 40, 66


def states() -> str:
    """Return the states of a job and the moves between them."""
    said = ". ".join(f"{start} to {end}: {why}" for (start, end), why in TRANSITIONS.items())
    drawn = [_move(start, end, why) for (start, end), why in TRANSITIONS.items()]
    return _drawing(860, 320, "The states of a job and the moves between them", said, [*drawn, *map(_state, JobStatus)])


def _state(status: JobStatus) -> str:
    x, y = _PLACES[status]
    box = f'<rect class="box" x="{x - _HALF_WIDTH}" y="{y - _HALF_HEIGHT}" width="120" height="42" rx="8"/>'
    return box + _text(Point(x, y + 5), status, "strong middle")


def _move(start: JobStatus, end: JobStatus, why: str) -> str:
    """Draw an arrow that bends to its left, so that those there and back do not lie on each other."""
    a, b = _PLACES[start], _PLACES[end]
    length = math.dist(a, b)
    bend = _BENDS.get((start, end), _BEND)
    by = Point((b.y - a.y) / length * bend, (a.x - b.x) / length * bend)
    turn = Point((a.x + b.x) / 2 + 2 * by.x, (a.y + b.y) / 2 + 2 * by.y)
    top = Point((a.x + b.x) / 2 + by.x, (a.y + b.y) / 2 + by.y)
    a, b = _edge(a, turn), _edge(b, turn)
    path = f'<path class="line" marker-end="url(#head)" d="M{a.x:.0f} {a.y:.0f} Q{turn.x:.0f} {turn.y:.0f} '
    path += f'{b.x:.0f} {b.y:.0f}"/>'
    lines = textwrap.wrap(why, 26)
    beside = 8 + 8 * len(lines)
    top = Point(top.x + by.x / bend * beside, top.y + by.y / bend * beside)
    first = top.y + 4 - 8 * (len(lines) - 1)
    return path + "".join(_text(Point(top.x, first + 16 * n), line, "middle halo") for n, line in enumerate(lines))


def _edge(centre: Point, towards: Point) -> Point:
    """Return where a line from the middle of a box to somewhere leaves it."""
    x, y = towards.x - centre.x, towards.y - centre.y
    share = min(_HALF_WIDTH / abs(x) if x else math.inf, _HALF_HEIGHT / abs(y) if y else math.inf)
    return Point(centre.x + share * x, centre.y + share * y)


def walk() -> str:
    """Return the way of one MP4 through the processes."""
    bottom = _TOP + _ROW * len(WALK)
    lanes = [
        f'<line class="life" x1="{x}" y1="44" x2="{x}" y2="{bottom - 20}"/>'
        + _text(Point(x, 32), name, "strong middle")
        for name, x in _LANES.items()
    ]
    said = " ".join(f"{number}. {step.process}, {step.point}: {step.said}" for number, step in enumerate(WALK, 1))
    return _drawing(960, bottom, "The way of one MP4 through the processes", said, [*lanes, *_steps(WALK)])


def _steps(steps: Iterable[Step]) -> Iterator[str]:
    places: dict[str, Point] = {}
    for row, step in enumerate(steps):
        at = places[step.point] = Point(_LANES[step.process], _TOP + _ROW * row)
        if step.after is not None:
            x, y = places[step.after]
            stop = at.x + (9 if x > at.x else -9)
            path = f"M{x} {y} C{x} {at.y} {x} {at.y} {stop} {at.y}"
            yield f'<path class="line" marker-end="url(#head)" d="{path}"/>'
        yield f'<circle class="dot" cx="{at.x}" cy="{at.y}" r="5"/>'
        yield _text(Point(_WORDS_AT, at.y - 3), step.point, "code")
        yield _text(Point(_WORDS_AT, at.y + 14), step.said, "")


def _text(at: Point, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{at.x:.0f}" y="{at.y:.0f}">{escape(words)}</text>'


def _drawing(width: int, height: int, title: str, said: str, parts: Iterable[str]) -> str:
    """Return a drawing whose title and description are read out to those who do not see it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="title said">\n<title id="title">{escape(title)}</title>\n'
        f'<desc id="said">{escape(said)}</desc>\n<!-- Written by scripts/write_reference.py -->\n'
    )
    paper = f'<rect class="paper" width="{width}" height="{height}" rx="8"/>'
    return "\n".join([head + _STYLE + paper, *parts, "</svg>\n"])
