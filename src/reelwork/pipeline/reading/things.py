"""What an answer shows, named so that the same thing has the same name in every frame."""

from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from reelwork.pipeline.intervals import most_confident
from reelwork.pipeline.reading.items import confidence, is_failure
from reelwork.pipeline.reading.likeness import likeness


class Thing(NamedTuple):
    """One thing that frames show.

    Attributes:
        name: The text, the label, the contents of the code, ``shot 3``, or a quality such as ``black``.
        format: Of a code, such as ``QRCode``; else empty.
        track: The ``track_id`` of an object that is followed from frame to frame.
        was_read: Whether the name was read from the picture, and may be misread.
    """

    name: str
    format: str = ""
    track: int | str | None = None
    was_read: bool = False


def things(answer: Any) -> dict[Hashable, float | None] | None:
    """Return what an answer shows and how confident it is; None if the node failed, which tells nothing."""
    return None if is_failure(answer) else most_confident(_named(answer))


def same_thing(one: Hashable, other: Hashable) -> float:
    """Return how alike two things are: only texts may be, see ``likeness``; 0 for all others."""
    assert isinstance(one, Thing)
    assert isinstance(other, Thing)
    return likeness(one.name, other.name) if one.was_read and other.was_read else 0.0


def _named(answer: Any) -> Iterator[tuple[Thing, float | None]]:
    if isinstance(answer, list):
        for item in answer:
            yield from _item(item)
    elif isinstance(answer, dict) and isinstance(answer.get("shot"), int):
        yield Thing(f"shot {answer['shot']}"), None
    elif isinstance(answer, dict) and any(isinstance(value, bool) for value in answer.values()):
        for name, value in answer.items():
            if value is True:
                yield Thing(name), None
    else:
        yield from _item(answer)


def _item(item: Any) -> Iterator[tuple[Thing, float | None]]:
    if isinstance(item, str):
        yield Thing(item), None
    if not isinstance(item, dict):
        return
    text, label = item.get("text"), item.get("label")
    track, form = item.get("track_id"), item.get("format")
    known_track = track if isinstance(track, int | str) else None
    known_form = form if isinstance(form, str) else ""
    if isinstance(text, str):
        yield Thing(text, known_form, known_track, not known_form and known_track is None), confidence(item)
    elif isinstance(label, str):
        yield Thing(label, known_form, known_track), confidence(item)
