"""Small analyzers for tests of the pipeline; each does one thing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from reelwork.analyzers import Analyzer, AnalyzerSettings, Frame, Inputs, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.video.frame import Moment


class Index(Analyzer):
    """Answers the index of the frame."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [frame.index for frame in frames]


class Brightness(Analyzer):
    """Answers the mean of the brightness plane."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [round(float(frame.luma().mean()), 3) for frame in frames]


class ConstantSettings(AnalyzerSettings):
    value: int = Field(0, ge=0, le=100)
    label: str = "plain"


class Constant(Analyzer):
    """Answers what its settings say."""

    Settings = ConstantSettings

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [self.settings.value for _ in frames]


class Collect(Analyzer):
    """Answers what its inputs answered, by name."""

    takes_inputs = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [{name: answers[n] for name, answers in inputs.items()} for n in range(len(frames))]


class Counter(Analyzer):
    """Counts the frames of a video; remembers how often it was loaded and begun."""

    stateful = True

    def load(self) -> None:
        self.loads = getattr(self, "loads", 0) + 1
        self.begins = 0

    def begin(self) -> None:
        self.begins += 1
        self.seen = 0

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        first = self.seen
        self.seen += len(frames)
        return [{"nth": first + n, "loads": self.loads, "begins": self.begins} for n in range(len(frames))]


class Look(Analyzer):
    """Answers a digest of the picture and the inputs; several frames at once, identical ones once."""

    takes_inputs = True
    parallel = True
    by_picture = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [_digest(frame.luma().tobytes(), _of_frame(inputs, n)) for n, frame in enumerate(frames)]


class LookAlone(Look):
    """The same, one frame at a time."""

    parallel = False


class Place(Look):
    """Answers a digest of the inputs and of where the frame stands."""

    by_picture = False

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [_digest(repr(frame.moment).encode(), _of_frame(inputs, n)) for n, frame in enumerate(frames)]


class Past(Analyzer):
    """Answers a digest of every frame so far and of its inputs."""

    takes_inputs = True
    stateful = True

    def begin(self) -> None:
        self._past = ""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        answers = []
        for number, frame in enumerate(frames):
            self._past = _digest(self._past.encode() + frame.luma().tobytes(), _of_frame(inputs, number))
            answers.append(self._past)
        return answers


class Chain(SequenceAnalyzer):
    """Answers what ``Past`` does, in two halves."""

    takes_inputs = True
    by_picture = True

    def begin(self) -> None:
        self._chain = ""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return frame.luma().tobytes(), dict(inputs)

    def conclude(self, moment: Moment, observation: Any) -> Json:
        picture, inputs = observation
        self._chain = _digest(self._chain.encode() + picture, inputs)
        return self._chain


def _of_frame(inputs: Inputs, number: int) -> dict[str, Json]:
    return {name: answers[number] for name, answers in inputs.items()}


def _digest(content: bytes, inputs: Mapping[str, Json]) -> str:
    return hashlib.sha256(content + json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]


class Unavailable(Analyzer):
    """Lacks something."""

    @classmethod
    def unavailable_because(cls, settings: Any, context: Any) -> str | None:
        return None if context.models_dir.exists() else "A model file is missing: put one there."

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [[] for _ in frames]


class Inquisitive(Unavailable):
    """Breaks when it is asked whether it is available."""

    @classmethod
    def unavailable_because(cls, settings: Any, context: Any) -> str | None:
        raise LookupError("no driver")


def answering(answers: Any) -> type[Analyzer]:
    """Make an analyzer that answers what ``answers(frames)`` gives."""

    class Answering(Analyzer):
        """Answers what the test says."""

        def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
            return answers(frames)  # type: ignore[no-any-return]

    return Answering


ANALYZERS: Mapping[str, type[Analyzer]] = {
    "index": Index,
    "brightness": Brightness,
    "constant": Constant,
    "collect": Collect,
    "counter": Counter,
    "unavailable": Unavailable,
}

DIGESTING: Mapping[str, type[Analyzer]] = {
    "look": Look,
    "look_alone": LookAlone,
    "place": Place,
    "past": Past,
    "chain": Chain,
}
"""Those whose answers tell whether they were given the right frames and inputs, in the right order."""


def registry(**more: type[Analyzer]) -> AnalyzerRegistry:
    """Return a registry of these analyzers, and of ``more``."""
    return AnalyzerRegistry({**ANALYZERS, **more})
