"""The first pass: one instance, every video, frame by frame. What it answers is what later passes are held against."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from reelwork.analyzers.analyzer import Analyzer
from reelwork.testing.answers import answer_breaches, comparable
from reelwork.testing.breaches import Breach, Rule
from reelwork.testing.subject import BreachFound, Subject, described
from reelwork.testing.videos import Video


@dataclass
class FirstLook:
    """What came of it.

    Attributes:
        answers: For each video by name, the answers as text; videos on which something was raised are left out.
        breaches: Rules that were broken.
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)


def look(subject: Subject, analyzer: Analyzer) -> FirstLook:
    """Analyse every video."""
    seen = FirstLook()
    for video in subject.videos:
        held: list[weakref.ref[Any]] = []
        try:
            seen.answers[video.name] = list(_answers(subject, analyzer, video, seen, held))
        except BreachFound as error:
            seen.breaches.append(error.breach)
        except Exception as error:
            seen.breaches.append(Breach(Rule.TAKES_ANY_PICTURE, f"on {video.name!r} it raised {described(error)}"))
        gc.collect()
        if any(reference() is not None for reference in held):
            seen.breaches.append(Breach(Rule.FRAMES_ARE_RELEASED, f"a frame of {video.name!r} is still held"))
    return seen


def _answers(
    subject: Subject, analyzer: Analyzer, video: Video, seen: FirstLook, held: "list[weakref.ref[Any]]"
) -> Iterator[str]:
    analyzer.begin()
    frames = video.frames()
    for frame in frames:
        answer = subject.answer(analyzer, frame)
        held += frame.watch()
        where = f"frame {frame.index} of {video.name!r}"
        seen.breaches += [Breach(breach.rule, f"for {where} {breach.what}") for breach in answer_breaches(answer)]
        if frame.is_changed():
            seen.breaches.append(Breach(Rule.PICTURES_ARE_SHARED, f"the picture of {where} was changed"))
        yield comparable(answer)
