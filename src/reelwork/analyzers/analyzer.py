"""The contract between the engine and an analyzer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from reelwork.video.frame import Frame, Moment

Json = Any
"""What an analyzer may answer: dicts with str keys, lists, str, int, finite floats, bool, None."""

Inputs = Mapping[str, Sequence[Json]]
"""For each input node by name, its outputs for the same frames, in the same order."""


class AnalyzerSettings(BaseModel):
    """Base of an analyzer's settings: what may stand under ``with:`` in a pipeline file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class AnalyzerContext:
    """What the place an analyzer runs in offers it.

    Attributes:
        models_dir: Where users put model files; settings name files relative to it.
        threads: How many threads one call of ``analyze`` may keep busy. The engine works on several frames
            at once, so that is 1 as a rule.
        cores: How many threads all of the process may keep busy. An analyzer whose frames must come one after
            the other has no use for the engine's and may start its own.
    """

    models_dir: Path
    threads: int = 1
    cores: int = 1


class Analyzer(ABC):
    """Answers one question about every frame.

    A subclass is found by its entry point in the group ``reelwork.analyzers``. One instance is made for
    each node of a pipeline and kept for the life of the process, from video to video.

    Its module must be cheap to import, because the API imports it to validate pipelines: import heavy
    libraries in ``load``. The first line of the class docstring is its description.
    """

    Settings: ClassVar[type[AnalyzerSettings]] = AnalyzerSettings
    """The settings class; ``self.settings`` is an instance of it."""

    takes_inputs: ClassVar[bool] = False
    """Whether ``analyze`` uses the outputs of other nodes."""

    libraries: ClassVar[tuple[str, ...]] = ()
    """Names of the installed packages that answers depend on; their versions are recorded with every job."""

    # These three may also be properties: a setting can change them.

    stateful: bool = False
    """Whether an answer may depend on earlier frames of the video: then frames come in presentation order,
    all of them, one call at a time. See ``SequenceAnalyzer`` for a way to have the heavy part done in parallel."""

    parallel: bool = False
    """Whether several threads may call ``analyze`` at once, for different frames in any order."""

    by_picture: bool = False
    """Whether an answer follows from the pixels (and the inputs) alone, not from the frame's index or time:
    then frames with identical pixels share one answer."""

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        self.settings: Any = settings
        self.context = context

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        """Say in one sentence what is missing and what to do, or None when all is there. Must be cheap."""
        return None

    def load(self) -> None:
        """Load models and libraries and warm them up; called once, before the first ``begin``."""

    def model_files(self) -> Sequence[Path]:
        """Return the model files in use, whose digests are recorded with every job; asked after ``load``."""
        return ()

    def begin(self) -> None:
        """Start a new video; an analyzer that remembers earlier frames forgets them here."""

    @abstractmethod
    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Answer for each frame.

        Args:
            frames: One or more frames of one video, in presentation order; across calls too if ``stateful``.
            inputs: The outputs of the nodes this one takes as inputs, for the same frames. They are shared:
                copy one before changing it.

        Returns:
            One JSON-able answer per frame, in order. "Looked and found nothing" is an empty list.
            The answer may not depend on how the frames were divided into batches.
        """


class SequenceAnalyzer(Analyzer):
    """A stateful analyzer in two steps: look at each frame on its own, then conclude in presentation order.

    ``observe`` holds the heavy work and runs for many frames at once, in any order, even in other processes;
    ``conclude`` is quick, may remember what came before and gives the answer.
    """

    stateful = True

    @abstractmethod
    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Any:
        """Look at one frame; several threads may call this at once, so it may not change ``self``.

        Args:
            frame: The frame.
            inputs: The outputs of the nodes this one takes as inputs, for this frame; shared, not to be changed.

        Returns:
            What ``conclude`` needs to know: small, picklable, and without a reference to the frame or its picture.
        """

    @abstractmethod
    def conclude(self, moment: Moment, observation: Any) -> Json:
        """Answer for one frame; called in presentation order for every analysed frame of a video.

        Args:
            moment: Index and time of the frame.
            observation: What ``observe`` returned for it, perhaps shared with other frames: not to be changed.
        """

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Do both steps for each frame; the engine calls them apart."""
        return [
            self.conclude(frame.moment, self.observe(frame, {name: given[number] for name, given in inputs.items()}))
            for number, frame in enumerate(frames)
        ]
