"""Analyzers that misbehave in one way each; found by entry point like any other plugin."""

import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

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


class Print(Analyzer):
    """Prints what nobody asked for."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        os.write(1, b"loaded the model\n")
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


class HoldSettings(AnalyzerSettings):
    """The file that is waited for."""

    until: str


class Hold(Analyzer):
    """Waits until a test lets it go on, and not for ever."""

    Settings = HoldSettings

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        ends_at = time.monotonic() + 60
        while not Path(self.settings.until).exists():
            if time.monotonic() > ends_at:
                raise TimeoutError(self.settings.until)
            time.sleep(0.01)
        return [[] for _ in frames]


class HoardSettings(AnalyzerSettings):
    """How much is kept, for ever, and how long each frame takes."""

    megabytes: int = 400
    seconds: float = 0.05


class Hoard(Analyzer):
    """Keeps memory from video to video."""

    Settings = HoardSettings
    kept: ClassVar[list[bytes]] = []

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        if not self.kept:
            self.kept.append(os.urandom(1) * (self.settings.megabytes * 2**20))
        time.sleep(self.settings.seconds)
        return [{"pid": os.getpid()} for _ in frames]


class Wedge(Analyzer):
    """Never comes back from native code, and never lets another thread of its process run."""

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        ctypes.PyDLL(None).sleep(600)
        return [[] for _ in frames]
