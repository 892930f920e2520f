"""What is done with a frame, step by step, and which steps of different frames may run side by side.

A node is one step, or two when its analyzer observes first and concludes later. Steps are put into stages that every
frame passes one after the other: in a parallel stage frames do not wait for each other, in an ordered
one they come one by one, in presentation order.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any

from reelwork.analyzers.analyzer import Analyzer, Json, SequenceAnalyzer
from reelwork.pipeline.graph import Node
from reelwork.video.frame import Frame, Moment


@dataclass(frozen=True)
class Failed:
    """In place of an answer: why there is none.

    Attributes:
        what: For a person.
        raised: Whether the node raised; otherwise it was not asked, for want of an input.
        error: What it raised; it stays in the process.
    """

    what: str
    raised: bool = False
    error: Exception | None = None

    def __reduce__(self) -> tuple[type["Failed"], tuple[str, bool]]:
        return Failed, (self.what, self.raised)

    def told(self) -> Json:
        """Return what stands in the results."""
        return {"error": self.what}


Answers = dict[str, Any]
"""By name of the node: its answer or ``Failed``; between its two steps, what it observed."""


class Kind(Enum):
    """What a step asks of its analyzer."""

    ANALYZE = "all at once"
    OBSERVE = "the first half"
    CONCLUDE = "the second half"


@dataclass(frozen=True, eq=False)
class Step:
    """One step of one node.

    Attributes:
        ordered: Whether frames must come one by one, in presentation order.
        by_picture: Whether frames of identical pixels get identical answers, all inputs included.
    """

    node: Node
    analyzer: Analyzer
    kind: Kind
    ordered: bool
    by_picture: bool = False
    _guard: AbstractContextManager[object] = field(default=nullcontext(), repr=False)

    def run(self, frame: Frame | None, moment: Moment, answers: Answers) -> None:
        """Put the node's answer in its place; whatever the analyzer raises becomes ``Failed``.

        Args:
            frame: The frame; None only for steps of the kind ``CONCLUDE``.
            moment: Its place in the video.
            answers: Those of the steps before, for the same frame; takes this one's.
        """
        name = self.node.name
        missing = [given for given in self.node.inputs if isinstance(answers[given], Failed)]
        if missing:
            answers[name] = Failed(f"not analysed, because {missing[0]!r} failed on this frame")
            return
        if self.kind is Kind.CONCLUDE and isinstance(answers[name], Failed):
            return
        try:
            with self._guard:
                answers[name] = self._answer(frame, moment, answers)
        except Exception as error:
            answers[name] = Failed(f"{type(error).__name__}: {error}", True, error)

    def _answer(self, frame: Frame | None, moment: Moment, answers: Answers) -> Any:
        analyzer = self.analyzer
        if self.kind is Kind.CONCLUDE:
            assert isinstance(analyzer, SequenceAnalyzer)
            return analyzer.conclude(moment, answers[self.node.name])
        assert frame is not None
        inputs = {name: answers[name] for name in self.node.inputs}
        if self.kind is Kind.OBSERVE:
            assert isinstance(analyzer, SequenceAnalyzer)
            return analyzer.observe(frame, inputs)
        return _only(analyzer.analyze([frame], {name: [answer] for name, answer in inputs.items()}))


@dataclass(frozen=True)
class Stage:
    """Steps that a frame passes without waiting in between."""

    ordered: bool
    steps: tuple[Step, ...]


def arrange(nodes: Sequence[tuple[Node, Analyzer]]) -> tuple[Stage, ...]:
    """Put the steps of nodes, each of which follows its inputs, into stages: each step as early as can be."""
    numbers: dict[str, int] = {}
    pure: set[str] = set()
    stages: dict[int, list[Step]] = {}
    for node, analyzer in nodes:
        number = max((numbers[name] for name in node.inputs), default=0)
        by_picture = analyzer.by_picture and all(name in pure for name in node.inputs)
        for step in _steps(node, analyzer, by_picture):
            # Stages take turns: even ones are parallel, odd ones ordered.
            number += step.ordered != number % 2
            stages.setdefault(number, []).append(step)
        numbers[node.name] = number
        if by_picture and not step.ordered:
            pure.add(node.name)
    return tuple(Stage(bool(number % 2), tuple(steps)) for number, steps in sorted(stages.items()))


def can_split(stages: Sequence[Stage]) -> bool:
    """Whether parts of a video can be worked on apart: what is ordered looks at no picture and comes last."""
    last = stages[-1].steps if stages and stages[-1].ordered else ()
    return len(stages) - bool(last) <= 1 and all(step.kind is Kind.CONCLUDE for step in last)


def failures(answers: Mapping[str, Any]) -> dict[str, Failed]:
    """Return what went wrong with the nodes that were asked."""
    return {name: one for name, one in answers.items() if isinstance(one, Failed) and one.raised}


def _steps(node: Node, analyzer: Analyzer, by_picture: bool) -> list[Step]:
    if isinstance(analyzer, SequenceAnalyzer) and analyzer.stateful:
        return [
            Step(node, analyzer, Kind.OBSERVE, ordered=False, by_picture=by_picture),
            Step(node, analyzer, Kind.CONCLUDE, ordered=True),
        ]
    if analyzer.stateful:
        return [Step(node, analyzer, Kind.ANALYZE, ordered=True)]
    guard = nullcontext() if analyzer.parallel else Lock()
    return [Step(node, analyzer, Kind.ANALYZE, ordered=False, by_picture=by_picture, _guard=guard)]


def _only(answers: Sequence[Json]) -> Json:
    if len(answers) != 1:
        raise ValueError(f"it gave {len(answers)} answers for 1 frame")
    return answers[0]
