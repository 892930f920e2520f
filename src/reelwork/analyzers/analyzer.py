"""The contract between the engine and an analyzer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from reelwork.video.frame import Frame

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
        threads: How many threads one analyzer may keep busy.
    """

    models_dir: Path
    threads: int = 2


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

    stateful: ClassVar[bool] = False
    """Whether an answer may depend on earlier frames of the video, so that frames must come in order, all of them."""

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        self.settings: Any = settings
        self.context = context

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        """Say in one sentence what is missing and what to do, or None when all is there. Must be cheap."""
        return None

    def load(self) -> None:
        """Load models and libraries; called once, before the first ``begin``."""

    def begin(self) -> None:
        """Start a new video; an analyzer that remembers earlier frames forgets them here."""

    @abstractmethod
    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Answer for each frame.

        Args:
            frames: One or more frames of one video, in presentation order; across calls too.
            inputs: The outputs of the nodes this one takes as inputs, for the same frames.

        Returns:
            One JSON-able answer per frame, in order. "Looked and found nothing" is an empty list.
            The answer may not depend on how the frames were divided into batches.
        """
