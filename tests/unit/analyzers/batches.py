"""Running an analyzer over a video in batches of different sizes."""

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from reelwork.analyzers import Analyzer, Frame, Json
from reelwork.analyzers.analyzer import SequenceAnalyzer

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


def apart(analyzer: Analyzer, frames: Sequence[Frame]) -> list[Json]:
    """Observe in several threads and from the last frame to the first, as another process would; then conclude."""
    assert isinstance(analyzer, SequenceAnalyzer)
    analyzer.begin()
    with ThreadPoolExecutor(4) as threads:
        pickles = list(threads.map(lambda frame: pickle.dumps(analyzer.observe(frame, {})), reversed(frames)))
    observed = zip(frames, reversed(pickles), strict=True)
    return [analyzer.conclude(frame.moment, pickle.loads(pickled)) for frame, pickled in observed]


def at_once(analyzer: Analyzer, frames: Sequence[Frame]) -> list[Json]:
    """Analyse each frame in a call of its own, several calls at once, from the last frame to the first."""
    analyzer.begin()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda frame: analyzer.analyze([frame], {})[0], reversed(frames)))
    return answers[::-1]
