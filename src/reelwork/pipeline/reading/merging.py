"""What the output nodes show, merged over time: as intervals, and as the cues of captions."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from reelwork.pipeline.definition import TIME
from reelwork.pipeline.intervals import Entry, Interval, Merger
from reelwork.pipeline.reading.things import Thing, same_thing, things
from reelwork.pipeline.reading.waiting import Cue, Turn, WaitingCues

_GAPS_KEPT = 99
_GAP_UNKNOWN_S = 1.0


@dataclass(frozen=True)
class Shown:
    """A thing that a node saw, from when to when."""

    node: str
    thing: Thing
    interval: Interval


def intervals(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """Merge what every node answered in consecutive analysed frames.

    Yields:
        ``{"node", "name", "format", "track_id", "first_frame", "last_frame", "start_s", "end_s", "gone_s", "frames",
        "max_confidence"}`` for each, as soon as it is over; ``format`` and ``track_id`` only where there are any.
    """
    merging = _Merging()
    for entry in entries:
        yield from map(_told, merging.see(entry))
    yield from map(_told, merging.rest())


def cues(entries: Iterable[Entry], duration_s: float | None) -> Iterator[Cue]:
    """Merge what every node answered into cues.

    A cue ends with the next analysed frame, at its time, that no longer shows it. Those that the last frame shows
    end later than it by what usually lies between analysed frames, but with the video if that ends before.

    Args:
        entries: Results in order.
        duration_s: Length of the video, if it is known.

    Yields:
        Cues in the order in which they begin.
    """
    merging = _Merging()
    with WaitingCues() as waiting:
        for entry in entries:
            for shown in merging.see(entry):
                waiting.add(merging.turn(shown), _cue(shown, None))
            yield from waiting.before(merging.first_open())
        end_s = merging.end_s(duration_s)
        for shown in merging.rest():
            waiting.add(merging.turn(shown), _cue(shown, end_s))
        yield from waiting.before(None)


class _Merging:
    """One merger for each node, and the times of the frames."""

    def __init__(self) -> None:
        self._mergers: dict[str, Merger] = {}
        self._places: dict[str, int] = {}
        self._last_s: float | None = None
        self._gaps: deque[float] = deque(maxlen=_GAPS_KEPT)

    def see(self, entry: Entry) -> Iterator[Shown]:
        """Take the next frame and yield what is over."""
        time_s = entry["result"][TIME]
        if self._last_s is not None:
            self._gaps.append(time_s - self._last_s)
        self._last_s = time_s
        for node, answer in entry["result"].items():
            if node == TIME:
                continue
            merger, shown = self._merger(node), things(answer)
            if shown is not None:
                for one in merger.see(entry["frame_index"], time_s, shown):
                    yield _shown(node, one)

    def rest(self) -> Iterator[Shown]:
        """Yield what the last frame shows."""
        for node, merger in self._mergers.items():
            for one in merger.open:
                yield _shown(node, one)

    def turn(self, shown: Shown) -> Turn:
        """Return the place of something in the order of beginnings."""
        return (shown.interval.start_s, self._places[shown.node], shown.interval.number)

    def first_open(self) -> Turn:
        """Return before which turn nothing is missing: that of the first that is not over, or of the next frame's."""
        turns = [self.turn(_shown(node, one)) for node, merger in self._mergers.items() for one in merger.open[:1]]
        assert self._last_s is not None
        return min([*turns, (self._last_s, len(self._places), 0)])

    def end_s(self, duration_s: float | None) -> float | None:
        """Return when what the last frame shows is over; None if there is no frame."""
        if self._last_s is None:
            return None
        end_s = self._last_s + (median(self._gaps) if self._gaps else _GAP_UNKNOWN_S)
        return end_s if duration_s is None or duration_s <= self._last_s else min(end_s, duration_s)

    def _merger(self, node: str) -> Merger:
        if node not in self._mergers:
            self._places[node] = len(self._places)
            self._mergers[node] = Merger(likeness=same_thing)
        return self._mergers[node]


def _shown(node: str, one: Interval) -> Shown:
    assert isinstance(one.key, Thing)
    return Shown(node, one.key, one)


def _cue(shown: Shown, end_s: float | None) -> Cue:
    one = shown.interval
    end = one.gone_s if end_s is None else end_s
    assert end is not None
    track = "" if shown.thing.track is None else f" #{shown.thing.track}"
    return Cue(one.start_s, end, shown.node, shown.thing.name + track)


def _told(shown: Shown) -> dict[str, Any]:
    thing, one = shown.thing, shown.interval
    return {
        "node": shown.node,
        "name": thing.name,
        **({"format": thing.format} if thing.format else {}),
        **({} if thing.track is None else {"track_id": thing.track}),
        "first_frame": one.first_frame,
        "last_frame": one.last_frame,
        "start_s": one.start_s,
        "end_s": one.end_s,
        "gone_s": one.gone_s,
        "frames": one.frames,
        "max_confidence": one.max_confidence,
    }
