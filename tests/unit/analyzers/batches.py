"""Running an analyzer over a video in batches of different sizes."""

from collections.abc import Callable, Sequence

from reelwork.analyzers import Analyzer, Frame, Json

Ready = Callable[..., Analyzer]
"""The fixture ``ready``: a class and its settings make an analyzer that is loaded and has begun a video."""


def one_by_one(analyzer: Analyzer, frames: Sequence[Frame]) -> list[Json]:
    """Analyse each frame in a call of its own, from the start of the video."""
    analyzer.begin()
    return [answer for frame in frames for answer in analyzer.analyze([frame], {})]


def together(analyzer: Analyzer, frames: Sequence[Frame]) -> list[Json]:
    """Analyse all frames in one call, from the start of the video."""
    analyzer.begin()
    return analyzer.analyze(frames, {})
