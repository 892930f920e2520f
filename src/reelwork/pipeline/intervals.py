"""From frame after frame to stretches of time: how long each thing was there.

A thing is whatever has the same key in every frame: a tracked object its ``track_id``, a line of text its text.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reelwork.pipeline.definition import TIME

Entry = Mapping[str, Any]
"""One entry of ``results``: ``{"frame_index", "result": {"time_s", <node>: [...]}}``."""

Item = Mapping[str, Any]

# Results hold times as doubles, whose differences are off by less than this; no video counts in steps so small.
_ROUNDING_S = 1e-6


@dataclass
class Interval:
    """A stretch of analysed frames that show one thing.

    Attributes:
        key: What makes it the same thing.
        first_frame, last_frame: Indices of the first and the last frame that show it.
        start_s, end_s: Times of these two frames.
        gone_s: Time of the first analysed frame behind them, which does not show it; None if there is none.
        frames: How many frames show it.
        max_confidence: The highest that was given, or None if none was.
    """

    key: Hashable
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float
    gone_s: float | None = None
    frames: int = 0
    max_confidence: float | None = None


def merge(
    entries: Iterable[Entry], node: str, key: Callable[[Item], Hashable], max_gap_s: float = 0.0
) -> Iterator[Interval]:
    """Merge what a node found in frame after frame; only what is not over yet is held in memory.

    Args:
        entries: Results in order. Frames on which the node failed tell nothing.
        node: An output node that answers lists of items.
        key: Tells what an item shows.
        max_gap_s: A thing is over once a frame does not show it, later by more seconds than this than the last
            that did; if it comes again it is another interval. 0: once any analysed frame does not show it.

    Yields:
        Intervals, as soon as they are over, then those that last until the end; together over, the first begun first.
    """
    current: dict[Hashable, Interval] = {}
    for entry in entries:
        found = entry["result"][node]
        if not isinstance(found, list):
            continue
        index, time_s = entry["frame_index"], entry["result"][TIME]
        shown = _most_confident(found, key)
        for one in [one for one in current.values() if _is_over(one, time_s, one.key in shown, max_gap_s)]:
            yield _gone(current.pop(one.key), time_s)
        for one in current.values():
            if one.key not in shown:
                _gone(one, time_s)
        for its, confidence in shown.items():
            one = current.setdefault(its, Interval(its, index, index, time_s, time_s))
            _extend(one, index, time_s, confidence)
    yield from current.values()


def tracks(entries: Iterable[Entry], node: str, max_gap_s: float) -> Iterator[dict[str, Any]]:
    """Merge the tracked objects of a node.

    Args:
        entries: Results in order.
        node: An output node that answers items with ``track_id`` and ``label``.
        max_gap_s: As the node is set: an object unseen for longer has another ``track_id`` if it returns.

    Yields:
        ``{"track_id", "label", "first_frame", "last_frame", "start_s", "end_s", "frames", "max_confidence"}`` for each.
    """
    for one in merge(entries, node, lambda item: (item["track_id"], item["label"]), max_gap_s):
        assert isinstance(one.key, tuple)
        yield {
            "track_id": one.key[0],
            "label": one.key[1],
            "first_frame": one.first_frame,
            "last_frame": one.last_frame,
            "start_s": one.start_s,
            "end_s": one.end_s,
            "frames": one.frames,
            "max_confidence": one.max_confidence,
        }


def _most_confident(items: Iterable[Item], key: Callable[[Item], Hashable]) -> dict[Hashable, float | None]:
    """Return what a frame shows, with the highest confidence of each."""
    shown: dict[Hashable, float | None] = {}
    for item in items:
        its = key(item)
        shown[its] = _most(shown.get(its), item.get("confidence"))
    return shown


def _most(one: float | None, other: float | None) -> float | None:
    return max((given for given in (one, other) if given is not None), default=None)


def _is_over(one: Interval, time_s: float, shown: bool, max_gap_s: float) -> bool:
    missed = one.gone_s is not None or not shown
    return missed and time_s - one.end_s > max_gap_s + _ROUNDING_S


def _extend(one: Interval, frame_index: int, time_s: float, confidence: float | None) -> None:
    one.last_frame, one.end_s, one.gone_s = frame_index, time_s, None
    one.frames += 1
    one.max_confidence = _most(one.max_confidence, confidence)


def _gone(one: Interval, time_s: float) -> Interval:
    if one.gone_s is None:
        one.gone_s = time_s
    return one
