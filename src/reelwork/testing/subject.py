"""The analyzer under examination: how instances of it are made and asked, as the engine does."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Json, SequenceAnalyzer
from reelwork.testing.answers import comparable
from reelwork.testing.breaches import Breach, Rule
from reelwork.testing.videos import Video
from reelwork.video.frame import Frame

InputsOf = Callable[[Frame], Mapping[str, Json]]
"""For a frame, what the input nodes answered, by name."""


class BreachFound(Exception):
    """An answer could not be had without breaking a rule."""

    def __init__(self, rule: Rule, what: str) -> None:
        self.breach = Breach(rule, what)
        super().__init__(what)


@dataclass(frozen=True)
class Subject:
    """A class with settings and a place to run in."""

    kind: type[Analyzer]
    settings: AnalyzerSettings
    context: AnalyzerContext
    inputs_of: InputsOf
    videos: Sequence[Video]

    def loaded(self, threads: int = 1, cores: int = 1) -> Analyzer:
        """Make an instance, as for a node of a pipeline."""
        analyzer = self.kind(self.settings, replace(self.context, threads=threads, cores=cores))
        try:
            analyzer.load()
        except Exception as error:
            raise BreachFound(Rule.LOADS, f"load() raised {described(error)}") from error
        return analyzer

    def given(self, frame: Frame) -> dict[str, Json]:
        """Return what the input nodes answered for a frame."""
        return copy.deepcopy(dict(self.inputs_of(frame)))

    def observation(self, analyzer: SequenceAnalyzer, frame: Frame) -> Any:
        """Have a frame looked at."""
        given = self.given(frame)
        before = comparable(given)
        observation = analyzer.observe(frame, given)
        self._require_unchanged(before, given)
        return observation

    def answer(self, analyzer: Analyzer, frame: Frame) -> Json:
        """Ask for one frame, in the way the engine asks."""
        if isinstance(analyzer, SequenceAnalyzer) and analyzer.stateful:
            return analyzer.conclude(frame.moment, self.observation(analyzer, frame))
        return self.batch(analyzer, [frame])[0]

    def batch(self, analyzer: Analyzer, frames: Sequence[Frame]) -> list[Json]:
        """Ask for several frames at once."""
        each = [self.given(frame) for frame in frames]
        given = {name: [one[name] for one in each] for name in each[0]}
        before = comparable(given)
        answers = analyzer.analyze(frames, given)
        self._require_unchanged(before, given)
        if not isinstance(answers, list):
            raise BreachFound(Rule.ONE_ANSWER_PER_FRAME, f"analyze() gave {type(answers).__name__}, not a list")
        if len(answers) != len(frames):
            what = f"analyze() gave {len(answers)} answers for {len(frames)} frames"
            raise BreachFound(Rule.ONE_ANSWER_PER_FRAME, what)
        return answers

    def answers(self, analyzer: Analyzer, video: Video, later: int = 0) -> list[str]:
        """Analyse a video from its beginning, frame by frame; give the answers as text."""
        analyzer.begin()
        return [comparable(self.answer(analyzer, frame)) for frame in video.frames(later)]

    @staticmethod
    def _require_unchanged(before: str, given: Any) -> None:
        if comparable(given) != before:
            raise BreachFound(Rule.INPUTS_ARE_SHARED, "the answers of an input node were changed")


def described(error: BaseException) -> str:
    """Say what was raised."""
    return f"{type(error).__name__}: {error}"
