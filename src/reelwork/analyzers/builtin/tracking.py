"""Tell which object of a frame is which of the frames before.

The association is that of ByteTrack (Zhang et al. 2022): confident objects first, then less confident ones continue
the tracks that are left. Objects are taken to move on at constant velocity, with a Kalman filter in seconds of video
time instead of frames, so that variable frame rates and any sampling are followed alike. What is left is compared once
more with boxes grown as far as the filter is unsure, after C-BIoU (Yang et al. 2023): at a few frames a second, an
object seen for the second time need not overlap the place where it was seen first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from reelwork.analyzers.boxes import Box
from reelwork.analyzers.builtin.motion import Motions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# How much of what two boxes cover together they must share, from ByteTrack.
_LEAST_OVERLAP = 0.2
_LEAST_OVERLAP_DOUBTFUL = 0.5
# A box grows to each side by so many standard deviations, but at most by so much of its size, from C-BIoU.
_DEVIATIONS = 2.0
_MOST_GROWTH = 1.0
# A model that fires everywhere may not stop the job: beyond so many, those longest unseen are forgotten.
_MOST_TRACKS = 1000
# In whole numbers nothing is rounded, on which solvers of assignments have been known to run on for ever.
_STEPS = 10**6


class Seen(NamedTuple):
    """An object in a frame."""

    label: str
    box: Box


@dataclass
class _Track:
    number: int
    label: str
    last_seen: Fraction
    missed: bool = False


class Tracker:
    """The objects of one video. An object keeps its number through changes of place and size, not of label."""

    def __init__(self, max_gap: Fraction) -> None:
        """Start a video; what was unseen in some frame, and for more than ``max_gap`` seconds, is new on its return."""
        self._max_gap = max_gap
        self._time = Fraction(0)
        self._begun = 0
        self._tracks: list[_Track] = []
        self._motions = Motions()

    def update(self, time: Fraction, certain: Sequence[Seen], doubtful: Sequence[Seen]) -> list[int | None]:
        """Take in the next frame.

        Args:
            time: Its time in seconds; not before that of the frame before.
            certain: The objects in it. One that continues no track begins one, the first in the list first.
            doubtful: What may be an object if it continues a track.

        Returns:
            The numbers of the certain objects, then of the doubtful ones; None for one of these that continues none.
            Numbers start at 1, in order of first appearance.
        """
        self._forget(time)
        self._motions.advance(float(time - self._time))
        self._time = time
        seen = [*certain, *doubtful]
        boxes = _centred(seen)
        tracks = self._continued(seen, boxes, len(certain))
        self._see(tracks, boxes)
        self._begin(seen[: len(certain)], tracks, boxes)
        return [self._tracks[tracks[place]].number if place in tracks else None for place in range(len(seen))]

    def _forget(self, time: Fraction) -> None:
        """Forget what was unseen for too long, and more if there is too much."""
        missed = [track for track in self._tracks if track.missed]
        missed.sort(key=lambda track: (track.last_seen, track.number))
        lost = {track.number for track in missed if time - track.last_seen > self._max_gap}
        lost |= {track.number for track in missed[: max(0, len(self._tracks) - _MOST_TRACKS)]}
        if lost:
            stay = [place for place, track in enumerate(self._tracks) if track.number not in lost]
            self._tracks = [self._tracks[place] for place in stay]
            self._motions.keep(stay)

    def _continued(self, seen: Sequence[Seen], boxes: "Floats", certain: int) -> dict[int, int]:
        """Return the place of the track that each object continues, by the place of the object."""
        same = _same([track.label for track in self._tracks], [one.label for one in seen])
        predicted = self._motions.boxes()
        overlaps = _overlaps(predicted, boxes, self._no_growth()) * same
        found: dict[int, int] = {}
        _match(found, overlaps, range(certain), _LEAST_OVERLAP)
        _match(found, overlaps, range(certain, len(seen)), _LEAST_OVERLAP_DOUBTFUL)
        if len(found) < len(seen) and len(found) < len(self._tracks):
            grown = _overlaps(predicted, boxes, self._growth()) * same
            _match(found, grown, range(certain), _LEAST_OVERLAP)
        return found

    def _no_growth(self) -> "Floats":
        import numpy as np

        return np.zeros((len(self._tracks), 2))

    def _growth(self) -> "Floats":
        """Return how far each track's object may be from where it is thought to be, to each side."""
        import numpy as np

        return np.minimum(_DEVIATIONS * self._motions.deviations(), _MOST_GROWTH * self._motions.boxes()[:, 2:])

    def _see(self, tracks: dict[int, int], boxes: "Floats") -> None:
        for track in self._tracks:
            track.missed = True
        for place in tracks.values():
            self._tracks[place].missed = False
            self._tracks[place].last_seen = self._time
        self._motions.see(list(tracks.values()), boxes[list(tracks)])

    def _begin(self, certain: Sequence[Seen], tracks: dict[int, int], boxes: "Floats") -> None:
        """Begin a track with each object that continues none."""
        new = [place for place in range(len(certain)) if place not in tracks]
        self._motions.add(boxes[new])
        for place in new:
            self._begun += 1
            tracks[place] = len(self._tracks)
            self._tracks.append(_Track(self._begun, certain[place].label, self._time))


def _centred(seen: Sequence[Seen]) -> "Floats":
    """Return centre x, centre y, width and height of each box."""
    import numpy as np

    corners = np.array([[one.box["x"], one.box["y"], one.box["w"], one.box["h"]] for one in seen]).reshape(-1, 4)
    corners[:, :2] += corners[:, 2:] / 2
    return corners


def _same(labels: list[str], others: list[str]) -> "NDArray[np.bool_]":
    """Return for each pair whether the labels are the same."""
    import numpy as np

    numbers = {label: number for number, label in enumerate(dict.fromkeys([*labels, *others]))}
    one, other = (np.array([numbers[label] for label in given], np.intp) for given in (labels, others))
    return np.asarray(one[:, None] == other[None])


def _overlaps(tracked: "Floats", boxes: "Floats", growth: "Floats") -> "Floats":
    """Return for each pair the intersection over union, both boxes grown by the track's growth to each side."""
    import numpy as np

    sizes = tracked[:, None, 2:] + 2 * growth[:, None], boxes[None, :, 2:] + 2 * growth[:, None]
    apart = np.abs(tracked[:, None, :2] - boxes[None, :, :2])
    shared = np.clip((sizes[0] + sizes[1]) / 2 - apart, 0, np.minimum(*sizes)).prod(axis=2)
    return np.asarray(shared / (sizes[0].prod(axis=2) + sizes[1].prod(axis=2) - shared))


def _match(found: dict[int, int], overlaps: "Floats", objects: Sequence[int], least: float) -> None:
    """Add to ``found`` which track each of these objects continues, where neither is matched yet."""
    import numpy as np

    taken = set(found.values())
    rows = [track for track in range(len(overlaps)) if track not in taken]
    columns = [place for place in objects if place not in found]
    for row, column in _assigned(overlaps[np.ix_(rows, columns)], least):
        found[columns[column]] = rows[row]


def _assigned(overlaps: "Floats", least: float) -> list[tuple[int, int]]:
    """Return the pairs of row and column whose overlaps, each above ``least``, are the most beyond it together."""
    import lap  # type: ignore[import-untyped]
    import numpy as np

    enough = overlaps >= least
    rows, columns = np.flatnonzero(enough.any(axis=1)), np.flatnonzero(enough.any(axis=0))
    if not len(rows):
        return []
    part = np.ix_(rows, columns)
    costs = np.where(enough[part], np.rint((1 - overlaps[part]) * _STEPS), 2 * _STEPS)
    _, column_of, _ = lap.lapjv(costs, extend_cost=True, cost_limit=round((1 - least) * _STEPS) + 0.5)
    return [(int(rows[row]), int(columns[column])) for row, column in enumerate(column_of) if column >= 0]
