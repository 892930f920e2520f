"""Analyzers that misbehave in one way each; found by entry point like any other plugin."""

import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from reelwork.analyzers import Analyzer, AnalyzerSettings, Frame, Inputs


class AtFrame(AnalyzerSettings):
    """Where it happens."""

    frame: int = 3


class Crash(Analyzer):
    """Ends its process with a segmentation fault."""

    Settings = AtFrame

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        if any(frame.index >= self.settings.frame for frame in frames):
            os.kill(os.getpid(), signal.SIGSEGV)
        return [[] for _ in frames]


class Raise(Analyzer):
    """Raises at a frame."""

    Settings = AtFrame

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        if any(frame.index >= self.settings.frame for frame in frames):
            raise ValueError("the lens cap is on")
        return [[] for _ in frames]


class PauseSettings(AnalyzerSettings):
    """How long each frame takes."""

    seconds: float = 0.05


class Pause(Analyzer):
    """Takes its time over every frame."""

    Settings = PauseSettings

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        for _ in frames:
            time.sleep(self.settings.seconds)
        return [{"pid": os.getpid()} for _ in frames]
