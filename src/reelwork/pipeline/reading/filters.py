"""Which parts of the results are wanted."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from reelwork.pipeline.definition import TIME
from reelwork.pipeline.reading.items import confidence, is_failure, words

_NAMES = ("label", "text", "format")
_TEXTS = ("label", "text")


class _Timed(msgspec.Struct):
    time_s: float


class _Moment(msgspec.Struct):
    """As little of an entry as tells its time."""

    result: _Timed


_moment = msgspec.json.Decoder(_Moment).decode


@dataclass(frozen=True)
class Filters:
    """What is left out of the results. Order is kept.

    Attributes:
        start_s, end_s: Frames from this time on, and before that; None for no bound.
        nodes: Only these output nodes; empty for all.
        labels: Only items whose label, text or format is one of these, whatever the case; empty for all.
        q: Only items in whose label or text this occurs, whatever the case.
        min_confidence: No items that say they are less confident; those that say nothing of it stay.
        nonempty: No frames for which nothing is left, see ``holds_something``.

    Labels, ``q`` and the confidence are asked of items, which stand in lists. An answer that is no list (a shot, the
    quality of the picture, the error of a node that failed) stays as it is.
    """

    start_s: float | None = None
    end_s: float | None = None
    nodes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    q: str = ""
    min_confidence: float | None = None
    nonempty: bool = False

    @cached_property
    def picks_items(self) -> bool:
        """Whether some items of a list may be left out."""
        return bool(self.labels or self.q or self.min_confidence is not None)

    @cached_property
    def leaves_out(self) -> bool:
        """Whether anything at all may be left out."""
        return self != Filters()

    @cached_property
    def drops_frames(self) -> bool:
        """Whether whole frames may be left out."""
        return self.nonempty or self.start_s is not None or self.end_s is not None

    def narrow(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        """Return what is left of an entry; None if it is left out."""
        result = entry["result"]
        if not self._within(result[TIME]):
            return None
        if not self._looks_inside:
            return entry
        answers = {
            node: self._picked(answer)
            for node, answer in result.items()
            if node != TIME and (not self.nodes or node in self.nodes)
        }
        if self.nonempty and not self.holds_something(answers):
            return None
        return {**entry, "result": {TIME: result[TIME], **answers}}

    def narrow_json(self, entry: bytes) -> bytes | None:
        """Do the same with an entry in JSON; one of which nothing is left out comes back byte for byte."""
        if not self._looks_inside:
            return entry if not self.drops_frames or self._within(_moment(entry).result.time_s) else None
        whole = msgspec.json.decode(entry)
        left = self.narrow(whole)
        if left is None:
            return None
        return entry if left == whole else msgspec.json.encode(left)

    def holds_something(self, answers: dict[str, Any]) -> bool:
        """Tell whether a frame holds something: an item in a list.

        A frame none of whose answers is a list holds something if a node answered at all, without failing; but
        not if items were asked for.
        """
        lists = [answer for answer in answers.values() if isinstance(answer, list)]
        if lists or self.picks_items:
            return any(lists)
        return any(answer is not None and not is_failure(answer) for answer in answers.values())

    @cached_property
    def _looks_inside(self) -> bool:
        return bool(self.nodes or self.picks_items or self.nonempty)

    @cached_property
    def _folded_labels(self) -> frozenset[str]:
        return frozenset(label.casefold() for label in self.labels)

    @cached_property
    def _folded_q(self) -> str:
        return self.q.casefold()

    def _within(self, time_s: float) -> bool:
        return (self.start_s is None or time_s >= self.start_s) and (self.end_s is None or time_s < self.end_s)

    def _picked(self, answer: Any) -> Any:
        if not self.picks_items or not isinstance(answer, list):
            return answer
        return [item for item in answer if self._fits(item)]

    def _fits(self, item: Any) -> bool:
        if self.min_confidence is not None:
            known = confidence(item)
            if known is not None and known < self.min_confidence:
                return False
        if self.labels and not any(name.casefold() in self._folded_labels for name in words(item, _NAMES)):
            return False
        return not self.q or any(self._folded_q in text.casefold() for text in words(item, _TEXTS))
