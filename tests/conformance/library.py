"""Clips by name: those made by code, and the real ones that are there."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.conformance_clips import CLIPS, Truth
from tests.support.reference import Reference, decode_everything

_ROOT = Path(__file__).parents[2]

REAL: dict[str, Path] = {
    path.name: path for place in ("../shared/media", "media") for path in sorted((_ROOT / place).glob("*.mp4"))
}
"""The repository's own and, where they are, more."""

LARGE = {name for name, path in REAL.items() if path.stat().st_size > 400_000}
"""Those that take their time."""

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
"""Whether to try everything with everything; by default each with some."""

MADE: list[str] = list(CLIPS)

HARD = {
    "B-frames, pyramid",
    "open GOP",
    "intra refresh",
    "interlaced",
    "HEVC, open GOP",
    "HEVC, intra refresh",
    "AV1",
    "VP9",
    "MPEG-4, B-frames",
    "variable rate, B-frames",
    "fragments",
    "frames of no duration",
    "cut at an open GOP",
    "cut at an open GOP, HEVC",
    "cut within an intra refresh",
    "edit list: begins between key frames, open GOP",
    "edit list: begins between key frames, HEVC",
    "edit list: a frame left out, open GOP",
    "edit list: a part twice",
    "edit list: a gap between parts",
    "edit list: the end first",
    "key frames listed wrongly",
    "times in another order than pictures",
}
"""Where leaving packets out, or beginning in the middle, goes wrong most easily."""

assert set(MADE) >= HARD


@dataclass(frozen=True)
class Clip:
    """A file, what is known of it, and what a plain decode makes of it."""

    path: Path
    truth: Truth
    reference: Reference


class Library:
    """Makes each clip and decodes it once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._clips: dict[str, Clip] = {}

    def __getitem__(self, name: str) -> Clip:
        """Return a clip by its name."""
        if name not in self._clips:
            self._clips[name] = self._real(name) if name in REAL else self._made(name)
        return self._clips[name]

    def _real(self, name: str) -> Clip:
        return Clip(REAL[name], Truth(numbers=None, times=None, start=None), decode_everything(REAL[name]))

    def _made(self, name: str) -> Clip:
        path = self._directory / f"{re.sub(r'[^0-9A-Za-z]+', '-', name)}.mp4"
        truth = CLIPS[name](path)
        return Clip(path, truth, decode_everything(path, truth.matrix))
