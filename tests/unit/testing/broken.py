"""Analyzers that keep every rule of the contract but one."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pydantic

from reelwork.analyzers import (
    Analyzer,
    AnalyzerContext,
    AnalyzerSettings,
    Frame,
    Inputs,
    Json,
    Moment,
    SequenceAnalyzer,
)
from reelwork.testing import Rule

BREAKING: dict[Rule, list[type[Analyzer]]] = {}


def breaks(rule: Rule) -> Any:
    """Note which rule a class breaks."""

    def note(kind: type[Analyzer]) -> type[Analyzer]:
        BREAKING.setdefault(rule, []).append(kind)
        return kind

    return note


class Light(Analyzer):
    """Keeps every rule: the sum of the brightness plane."""

    parallel = True
    by_picture = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [self.one(frame) for frame in frames]

    def one(self, frame: Frame) -> Json:
        return light(frame)


class Change(SequenceAnalyzer):
    """Keeps every rule: by how much the brightness differs from that of the frame before."""

    by_picture = True

    def begin(self) -> None:
        self.before = 0

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return [light(frame)]

    def conclude(self, moment: Moment, observation: Any) -> Json:
        before, self.before = self.before, observation[0]
        return {"index": moment.index, "difference": observation[0] - before}


class Summed(Analyzer):
    """Keeps every rule: the sum of the brightness of all frames so far."""

    stateful = True

    def begin(self) -> None:
        self.sum = 0

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [self.one(frame) for frame in frames]

    def one(self, frame: Frame) -> Json:
        self.sum += light(frame)
        return self.sum


KEEPING = (Light, Change, Summed)


def light(frame: Frame) -> int:
    return int(frame.luma().sum(dtype="uint64"))


@breaks(Rule.IS_AN_ANALYZER)
class Unfinished(Analyzer):
    """Does not say how it analyses."""


@breaks(Rule.DESCRIBES_ITSELF)
class Undescribed(Light):
    pass


class LooseSettings(AnalyzerSettings):
    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)


class ChangingSettings(AnalyzerSettings):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=False)


class DriftingSettings(AnalyzerSettings):
    count: int = 1

    @pydantic.field_serializer("count")
    def _one_more(self, count: int) -> int:
        return count + 1


@breaks(Rule.SETTINGS_ARE_STRICT)
class Loose(Light):
    """Accepts any setting."""

    Settings = LooseSettings


@breaks(Rule.SETTINGS_ARE_STRICT)
class Changing(Light):
    """Its settings can be changed."""

    Settings = ChangingSettings


@breaks(Rule.SETTINGS_ARE_STRICT)
class Drifting(Light):
    """Its settings come back from JSON as others."""

    Settings = DriftingSettings


@breaks(Rule.SETTINGS_ARE_STRICT)
class Untyped(Light):
    """Has settings of another kind."""

    Settings: ClassVar[Any] = dict


@breaks(Rule.SAYS_WHAT_IS_MISSING)
class Inquisitive(Light):
    """Raises when it is asked what is missing."""

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        return str(next(context.models_dir.iterdir()))


@breaks(Rule.SAYS_WHAT_IS_MISSING)
class Silent(Light):
    """Gives no sentence."""

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> Any:
        return False


@breaks(Rule.IS_AVAILABLE)
class Lacking(Light):
    """Lacks a model."""

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        return None if (context.models_dir / "light.onnx").exists() else "There is no light.onnx."


@breaks(Rule.DECLARATIONS_ARE_TRUE)
class Vague(Light):
    """Says neither yes nor no."""

    parallel: Any = "yes"


@breaks(Rule.DECLARATIONS_ARE_TRUE)
class Bookish(Light):
    """Names a library that there is not."""

    libraries = ("no-such-library-anywhere",)


@breaks(Rule.DECLARATIONS_ARE_TRUE)
class Careless(Light):
    """Forgets that its libraries are a tuple."""

    libraries: Any = "numpy"


@breaks(Rule.DECLARATIONS_ARE_TRUE)
class Boastful(Light):
    """Names a model file that there is not."""

    def model_files(self) -> Sequence[Path]:
        return [self.context.models_dir / "light.onnx"]


@breaks(Rule.LOADS)
class Heavy(Light):
    """Cannot be loaded."""

    def load(self) -> None:
        raise MemoryError


@breaks(Rule.LOADS)
class Single(Light):
    """Can be loaded once."""

    loaded: ClassVar[bool] = False

    def load(self) -> None:
        if Single.loaded:
            raise OSError("the device is busy")
        Single.loaded = True


@breaks(Rule.TAKES_ANY_PICTURE)
class Picky(Light):
    """Has no use for small pictures."""

    def one(self, frame: Frame) -> Json:
        return int(frame.luma()[8, 8])


@breaks(Rule.ONE_ANSWER_PER_FRAME)
class Sparing(Light):
    """Leaves out frames without light."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [light(frame) for frame in frames if light(frame) > 100]


@breaks(Rule.ONE_ANSWER_PER_FRAME)
class Lazy(Light):
    """Gives no list."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> Any:
        return tuple(light(frame) for frame in frames)


@breaks(Rule.ANSWERS_ARE_JSON)
class Numpy(Light):
    """Answers a number of numpy, which also is a float."""

    def one(self, frame: Frame) -> Json:
        return {"mean": frame.luma().mean()}


@breaks(Rule.ANSWERS_ARE_JSON)
class Integral(Light):
    """Answers a whole number of numpy."""

    def one(self, frame: Frame) -> Json:
        return [frame.luma().max()]


@breaks(Rule.ANSWERS_ARE_JSON)
class Undefined(Light):
    """Answers what is not a number."""

    def one(self, frame: Frame) -> Json:
        return {"nothing": [float("nan")]}


@breaks(Rule.ANSWERS_ARE_JSON)
class Halved(Light):
    """Answers half a character."""

    def one(self, frame: Frame) -> Json:
        return "\ud83d"


@breaks(Rule.ANSWERS_ARE_JSON)
class Numbered(Light):
    """Has a number for a key."""

    def one(self, frame: Frame) -> Json:
        return {1: "one"}


@breaks(Rule.ANSWERS_ARE_JSON)
class Paired(Light):
    """Answers a tuple."""

    def one(self, frame: Frame) -> Json:
        return [(1, 2)]


@breaks(Rule.ANSWERS_ARE_JSON)
class Endless(Light):
    """Answers a list that holds itself."""

    def one(self, frame: Frame) -> Json:
        answer: list[Any] = []
        answer.append(answer)
        return answer


def answering(answer: Json) -> type[Analyzer]:
    class Answering(Light):
        """Answers always the same."""

        def one(self, frame: Frame) -> Json:
            return answer

    return Answering


for out_of_range in (
    [{"box": {"x": 0.5, "y": 0.5, "w": 0.6, "h": 0.1}}],
    [{"box": {"x": 0.1, "y": 0.1, "w": 40, "h": 0.1}}],
    [{"box": {"x": -0.1, "y": 0.1, "w": 0.5, "h": 0.1}}],
    {"found": {"box": [0.1, 0.1, 0.2, 0.2]}},
    {"polygon": [[0.1, 0.1], [1.5, 0.1], [0.2, 0.2]]},
    {"polygon": [0.1, 0.1]},
    {"confidence": 97},
    {"confidence": "high"},
):
    breaks(Rule.ANSWERS_ARE_IN_RANGE)(answering(out_of_range))


@breaks(Rule.DETERMINISTIC)
class Whimsical(Light):
    """Answers otherwise each time."""

    count = itertools.count()

    def one(self, frame: Frame) -> Json:
        return next(self.count)


@breaks(Rule.DETERMINISTIC)
class Remembering(Light):
    """Remembers from video to video, and does not say that it is stateful."""

    sum = 0

    def one(self, frame: Frame) -> Json:
        self.sum += light(frame)
        return self.sum


@breaks(Rule.BEGIN_FORGETS)
class Sentimental(Summed):
    """Does not forget the last video."""

    def load(self) -> None:
        self.sum = 0

    def begin(self) -> None:
        pass


@breaks(Rule.BATCHES_DO_NOT_MATTER)
class Averaging(Light):
    """Answers for the frames of a call together."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [sum(map(light, frames)) // len(frames)] * len(frames)


@breaks(Rule.BATCHES_DO_NOT_MATTER)
class Solitary(Light):
    """Takes one frame only, and says so by raising."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        (frame,) = frames
        return [light(frame)]


@breaks(Rule.ORDER_DOES_NOT_MATTER)
class Sneaky(Light):
    """Remembers the frame before, and does not say that it is stateful."""

    before = 0

    def begin(self) -> None:
        self.before = 0

    def one(self, frame: Frame) -> Json:
        before, self.before = self.before, light(frame)
        return self.before - before


@breaks(Rule.ORDER_DOES_NOT_MATTER)
class Impatient(Change):
    """Does in the first step what belongs into the second."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        before, self.before = self.before, light(frame)
        return [self.before - before]

    def conclude(self, moment: Moment, observation: Any) -> Json:
        return observation[0]


@breaks(Rule.THREADS_DO_NOT_MATTER)
class Crowded(Light):
    """Works in a place that all threads share."""

    def one(self, frame: Frame) -> Json:
        self.frame_light = light(frame)
        threading.Event().wait(0.002)
        return self.frame_light


@breaks(Rule.THREADS_DO_NOT_MATTER)
class Attached(Light):
    """Answers in the thread it was loaded in."""

    parallel = False

    def load(self) -> None:
        self.thread = threading.get_ident()

    def one(self, frame: Frame) -> Json:
        if threading.get_ident() != self.thread:
            raise RuntimeError("it was made in another thread")
        return light(frame)


@breaks(Rule.THREADS_DO_NOT_MATTER)
class CrowdedChange(Change):
    """Observes in a place that all threads share."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        self.frame_light = light(frame)
        threading.Event().wait(0.002)
        return [self.frame_light]


@breaks(Rule.CORES_DO_NOT_MATTER)
class Parted(Light):
    """Sums in as many parts as there are threads."""

    def one(self, frame: Frame) -> Json:
        return {"parts": self.context.threads}


@breaks(Rule.BY_PICTURE_HOLDS)
class Counting(Light):
    """Says that the picture is all, and answers the index."""

    def one(self, frame: Frame) -> Json:
        return frame.index


@breaks(Rule.BY_PICTURE_HOLDS)
class TimedChange(Change):
    """Says that the picture is all, and observes the time."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return [frame.time_s]


@breaks(Rule.INSTANCES_ARE_APART)
class Common(Summed):
    """Keeps what it remembers in the class."""

    total: ClassVar[int] = 0

    def begin(self) -> None:
        Common.total = 0

    def one(self, frame: Frame) -> Json:
        Common.total += light(frame)
        return Common.total


@breaks(Rule.OBSERVATIONS_TRAVEL)
class Handing(Change):
    """Observes what cannot leave the process."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return [light(frame), threading.Lock()]


@breaks(Rule.OBSERVATIONS_ARE_SHARED)
class Correcting(Change):
    """Changes what was observed."""

    def conclude(self, moment: Moment, observation: Any) -> Json:
        observation[0] //= 2
        return super().conclude(moment, observation)


@breaks(Rule.PICTURES_ARE_SHARED)
class Painting(Light):
    """Paints over the picture it was shown."""

    def one(self, frame: Frame) -> Json:
        answer = light(frame)
        picture = frame.bgr()
        picture.flags.writeable = True
        picture[0, 0] ^= 255
        return answer


@breaks(Rule.FRAMES_ARE_RELEASED)
class Hoarding(Light):
    """Keeps the frames."""

    def load(self) -> None:
        self.kept: list[Any] = []

    def one(self, frame: Frame) -> Json:
        self.kept.append(frame)
        return light(frame)


@breaks(Rule.FRAMES_ARE_RELEASED)
class Cutting(Hoarding):
    """Keeps a pixel, and all of the picture with it."""

    def one(self, frame: Frame) -> Json:
        self.kept.append(frame.bgr()[:1, :1])
        return light(frame)


@breaks(Rule.FRAMES_ARE_RELEASED)
class Showing(Change):
    """Observes a part of the picture itself."""

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        return [light(frame), frame.luma()[:1]]


class Describing(Analyzer):
    """Keeps every rule: how many things the input nodes found."""

    takes_inputs = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        return [{name: len(given[number]) for name, given in inputs.items()} for number in range(len(frames))]


class Consuming(Describing):
    """Uses up what the input nodes found."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        answers = super().analyze(frames, inputs)
        for given in inputs.values():
            for things in given:
                things.clear()
        return answers
