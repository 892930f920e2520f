"""From frame after frame to stretches of time: how long each thing was there.

A thing is whatever has the same key in every frame: a tracked object its ``track_id``, a line of text its text,
or a text so alike that only the reading can have changed.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwork.pipeline.definition import TIME

Entry = Mapping[str, Any]
"""One entry of ``results``: ``{"frame_index", "result": {"time_s", <node>: [...]}}``."""

Item = Mapping[str, Any]

Shown = Mapping[Hashable, float | None]
"""What a frame shows, by key, with the confidence of each if there is one."""

Likeness = Callable[[Hashable, Hashable], float]
"""How alike two keys are, from 0 (two different things) to 1."""

# Results hold times as doubles, whose differences are off by less than this; no video counts in steps so small.
_ROUNDING_S = 1e-6


@dataclass
class Interval:
    """A stretch of analysed frames that show one thing.

    Attributes:
        key: What makes it the same thing; of keys that are alike, the one given with the highest confidence.
        first_frame, last_frame: Indices of the first and the last frame that show it.
        start_s, end_s: Times of these two frames.
        gone_s: Time of the first analysed frame behind them, which does not show it; None if there is none.
        frames: How many frames show it.
        max_confidence: The highest that was given, or None if none was.
        number: How many began before it.
    """

    key: Hashable
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float
    gone_s: float | None = None
    frames: int = 0
    max_confidence: float | None = None
    number: int = field(default=0, compare=False)


class Merger:
    """Merges what is shown in frame after frame; only what is not over yet is held in memory."""

    def __init__(self, max_gap_s: float = 0.0, likeness: Likeness | None = None) -> None:
        """Begin a video.

        Args:
            max_gap_s: A thing is over once a frame does not show it, later by more seconds than this than the last
                that did; if it comes again it is another interval. 0: once any frame does not show it.
            likeness: If given, a thing may go on under another key that is alike.
        """
        self._max_gap_s = max_gap_s
        self._likeness = likeness
        self._begun = 0
        self._open: dict[Hashable, Interval] = {}

    @property
    def open(self) -> list[Interval]:
        """What is not over, the first begun first."""
        return list(self._open.values())

    def see(self, frame_index: int, time_s: float, shown: Shown) -> list[Interval]:
        """Take the next frame: what it shows, and how confident that is.

        Returns:
            The intervals that are over, the first begun first.
        """
        continued = self._continued(shown)
        over = [one for one in self._open.values() if _is_over(one, time_s, one.key in continued, self._max_gap_s)]
        for one in over:
            del self._open[one.key]
            continued.pop(one.key, None)
            _gone(one, time_s)
        for key, one in self._open.items():
            if key not in continued:
                _gone(one, time_s)
        self._extend(frame_index, time_s, shown, {reading: key for key, reading in continued.items()})
        return over

    def _extend(self, frame_index: int, time_s: float, shown: Shown, known: Mapping[Hashable, Hashable]) -> None:
        """Add a frame to what it shows; ``known`` tells under which key something is open."""
        for reading, confidence in shown.items():
            if reading in known:
                one = self._open[known[reading]]
            else:
                one = Interval(reading, frame_index, frame_index, time_s, time_s, number=self._begun)
                self._begun += 1
                self._open[reading] = one
            if reading != one.key and _surer(confidence, one.max_confidence):
                self._rename(one, reading)
            one.last_frame, one.end_s, one.gone_s = frame_index, time_s, None
            one.frames += 1
            one.max_confidence = _most(one.max_confidence, confidence)

    def _rename(self, one: Interval, key: Hashable) -> None:
        """Give something that is open another key, at its place in the order."""
        one.key = key
        self._open = {other.key: other for other in self._open.values()}

    def _continued(self, shown: Shown) -> dict[Hashable, Hashable]:
        """Return, by the key under which it is open, what is shown again, and as what."""
        continued = {key: key for key in shown if key in self._open}
        if self._likeness is None or len(continued) == len(shown):
            return continued
        for reading in shown:
            if reading in continued:
                continue
            likest, key = max(
                ((self._likeness(reading, key), key) for key in self._open if key not in continued),
                key=lambda pair: pair[0],
                default=(0.0, None),
            )
            if likest > 0:
                continued[key] = reading
        return continued


def merge(
    entries: Iterable[Entry], node: str, key: Callable[[Item], Hashable], max_gap_s: float = 0.0
) -> Iterator[Interval]:
    """Merge what a node found in frame after frame.

    Args:
        entries: Results in order. Frames on which the node failed tell nothing.
        node: An output node that answers lists of items.
        key: Tells what an item shows.
        max_gap_s: See ``Merger``.

    Yields:
        Intervals, as soon as they are over, then those that last until the end; together over, the first begun first.
    """
    merger = Merger(max_gap_s)
    for entry in entries:
        found = entry["result"][node]
        if isinstance(found, list):
            shown = most_confident((key(item), item.get("confidence")) for item in found)
            yield from merger.see(entry["frame_index"], entry["result"][TIME], shown)
    yield from merger.open


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


def most_confident(things: Iterable[tuple[Hashable, float | None]]) -> dict[Hashable, float | None]:
    """Return what a frame shows, with the highest confidence of each."""
    shown: dict[Hashable, float | None] = {}
    for its, confidence in things:
        shown[its] = _most(shown.get(its), confidence) if its in shown else confidence
    return shown


def _most(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _surer(confidence: float | None, than: float | None) -> bool:
    return confidence is not None and (than is None or confidence > than)


def _is_over(one: Interval, time_s: float, shown: bool, max_gap_s: float) -> bool:
    missed = one.gone_s is not None or not shown
    return missed and time_s - one.end_s > max_gap_s + _ROUNDING_S


def _gone(one: Interval, time_s: float) -> None:
    if one.gone_s is None:
        one.gone_s = time_s
