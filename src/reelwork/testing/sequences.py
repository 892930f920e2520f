"""What holds for the two steps of a ``SequenceAnalyzer`` besides."""

import gc
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from reelwork.analyzers.analyzer import Analyzer, SequenceAnalyzer
from reelwork.testing.answers import comparable
from reelwork.testing.breaches import Breach, Rule
from reelwork.testing.comparisons import Answers, Comparison
from reelwork.testing.parallel import all_at_once
from reelwork.testing.subject import Subject, described
from reelwork.testing.videos import Video, WatchedFrame

_LATER = 1000


def sequence_breaches(comparison: Comparison, analyzer: SequenceAnalyzer) -> Iterator[Breach]:
    """Take observing and concluding apart."""
    holding = [
        breach for video in comparison.videos() for breach in _holding_breaches(comparison.subject, analyzer, video)
    ]
    yield from holding[:1]
    if holding:
        return
    disorder = comparison.breaches(
        Rule.ORDER_DOES_NOT_MATTER, analyzer, _observed_backwards, "observing from the last frame to the first, it"
    )
    yield from disorder
    if not disorder:
        yield from comparison.breaches(
            Rule.THREADS_DO_NOT_MATTER, analyzer, _observed_in_parallel, "observing in several threads at once, it"
        )
    yield from comparison.breaches(
        Rule.OBSERVATIONS_ARE_SHARED, analyzer, _concluded_twice, "concluding from the same observations again, it"
    )
    if analyzer.by_picture:
        yield from comparison.breaches(
            Rule.BY_PICTURE_HOLDS, analyzer, _observed_at_other_moments, "observing at other moments, it"
        )


def _holding_breaches(subject: Subject, analyzer: SequenceAnalyzer, video: Video) -> Iterator[Breach]:
    """Look at what an observation holds on to."""
    analyzer.begin()
    frame = video.frames()[0]
    observation = subject.observation(analyzer, frame)
    held = frame.watch()
    del frame
    gc.collect()
    if any(reference() is not None for reference in held):
        yield Breach(Rule.FRAMES_ARE_RELEASED, f"an observation of {video.name!r} holds the frame or its picture")
    try:
        pickle.loads(pickle.dumps(observation))  # noqa: S301 - of our own making
    except Exception as error:
        what = f"an observation of {video.name!r} cannot be pickled and read again: {described(error)}"
        yield Breach(Rule.OBSERVATIONS_TRAVEL, what)


def _sequence(analyzer: Analyzer) -> SequenceAnalyzer:
    assert isinstance(analyzer, SequenceAnalyzer)
    return analyzer


def _observed(subject: Subject, analyzer: Analyzer, frames: Sequence[WatchedFrame]) -> list[Any]:
    return [subject.observation(_sequence(analyzer), frame) for frame in frames]


def _concluded(analyzer: Analyzer, video: Video, observations: Sequence[Any]) -> Answers:
    analyzer.begin()
    moments = [original.moment for original in video.originals]
    return [
        comparable(_sequence(analyzer).conclude(moment, observation))
        for moment, observation in zip(moments, observations, strict=True)
    ]


def _observed_backwards(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    """Observe out of order, as if in another process."""
    analyzer.begin()
    observations = _observed(subject, analyzer, video.frames()[::-1])[::-1]
    return _concluded(analyzer, video, pickle.loads(pickle.dumps(observations)))  # noqa: S301 - of our own making


def _observed_in_parallel(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    rounds = all_at_once(lambda frame: subject.observation(_sequence(analyzer), frame), video)
    answers = [_concluded(analyzer, video, observations) for observations in rounds]
    return next((one for one in answers if one != answers[0]), answers[0])


def _concluded_twice(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    observations = _observed(subject, analyzer, video.frames())
    _concluded(analyzer, video, observations)
    return _concluded(analyzer, video, observations)


def _observed_at_other_moments(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    return _concluded(analyzer, video, _observed(subject, analyzer, video.frames(later=_LATER)))
