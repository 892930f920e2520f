"""Later passes: the same frames under other circumstances must have the answers of the first look."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest

from reelwork.analyzers.analyzer import Analyzer
from reelwork.testing.answers import comparable
from reelwork.testing.breaches import Breach, Rule
from reelwork.testing.parallel import all_at_once
from reelwork.testing.subject import BreachFound, Subject, described
from reelwork.testing.videos import Video

_LATER = 1000
_LONGEST_SHOWN = 160

Answers = Sequence[str]
Pass = Callable[[Subject, Analyzer, Video], Answers]


@dataclass(frozen=True)
class Comparison:
    """What later passes are held against: for each video by name, the answers of the first look."""

    subject: Subject
    expected: Mapping[str, Answers]

    def videos(self) -> list[Video]:
        """Return the videos to compare, without those on which nothing came of the first look."""
        return [video for video in self.all_videos() if video.compared]

    def all_videos(self) -> list[Video]:
        """Return every video of which something came."""
        return [video for video in self.subject.videos if video.name in self.expected]

    def breaches(
        self, rule: Rule, analyzer: Analyzer, again: Pass, when: str, videos: Sequence[Video] | None = None
    ) -> list[Breach]:
        """Make one pass over the videos; the first difference says enough."""
        for video in self.videos() if videos is None else videos:
            try:
                found = again(self.subject, analyzer, video)
            except BreachFound as error:
                return [error.breach]
            except Exception as error:
                return [Breach(rule, f"{when} raised {described(error)} on {video.name!r}")]
            if what := self.difference(video, found):
                return [Breach(rule, f"{when} answered otherwise for {what}")]
        return []

    def difference(self, video: Video, found: Answers) -> str | None:
        """Tell the first frame with another answer."""
        for number, (one, other) in enumerate(zip(self.expected[video.name], found, strict=True)):
            if one != other:
                return f"frame {number} of {video.name!r}: {one[:_LONGEST_SHOWN]} became {other[:_LONGEST_SHOWN]}"
        return None


def repetition_breaches(comparison: Comparison, first: Analyzer, second: Analyzer) -> list[Breach]:
    """Do nothing but the same again. When that gives other answers, all further passes would."""
    # All videos, as in the first look: what `begin` does not forget must be the same.
    breaches = comparison.breaches(
        Rule.DETERMINISTIC, second, Subject.answers, "another instance", comparison.all_videos()
    )
    if breaches:
        return breaches
    rule = Rule.BEGIN_FORGETS if first.stateful else Rule.DETERMINISTIC
    return comparison.breaches(rule, first, Subject.answers, "the same instance, after other videos,")


def circumstance_breaches(comparison: Comparison, first: Analyzer, second: Analyzer) -> Iterator[Breach]:
    """Change what may not matter to any analyzer."""
    more_threads = comparison.subject.loaded(threads=2, cores=4)
    yield from comparison.breaches(
        Rule.CORES_DO_NOT_MATTER, more_threads, Subject.answers, "with more threads to use, it"
    )
    yield from comparison.breaches(
        Rule.BATCHES_DO_NOT_MATTER, second, _in_one_call, "given all frames in one call, it"
    ) or comparison.breaches(Rule.BATCHES_DO_NOT_MATTER, second, _by_twos, "given two frames in each call, it")
    yield from comparison.breaches(
        Rule.THREADS_DO_NOT_MATTER, second, _each_in_a_thread, "called from a thread of each frame's own, it"
    )
    yield from _beside_another(comparison, first, second)


def stateless_breaches(comparison: Comparison, analyzer: Analyzer) -> Iterator[Breach]:
    """Change what may matter to an analyzer that is stateful."""
    disorder = comparison.breaches(
        Rule.ORDER_DOES_NOT_MATTER, analyzer, _backwards, "from the last frame to the first, it"
    )
    yield from disorder
    if analyzer.parallel and not disorder:
        yield from comparison.breaches(
            Rule.THREADS_DO_NOT_MATTER, analyzer, _in_parallel, "in several threads at once, it"
        )
    if analyzer.by_picture:
        yield from comparison.breaches(Rule.BY_PICTURE_HOLDS, analyzer, _at_other_moments, "at other moments, it")


def _in_one_call(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    return [comparable(answer) for answer in subject.batch(analyzer, video.frames())]


def _by_twos(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    frames = video.frames()
    pairs = [frames[start : start + 2] for start in range(0, len(frames), 2)]
    return [comparable(answer) for pair in pairs for answer in subject.batch(analyzer, pair)]


def _backwards(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    return [comparable(subject.answer(analyzer, frame)) for frame in reversed(video.frames())][::-1]


def _at_other_moments(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    return subject.answers(analyzer, video, later=_LATER)


def _each_in_a_thread(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    analyzer.begin()
    answers = []
    for frame in video.frames():
        with ThreadPoolExecutor(1) as thread:
            answers.append(comparable(thread.submit(subject.answer, analyzer, frame).result()))
    return answers


def _in_parallel(subject: Subject, analyzer: Analyzer, video: Video) -> Answers:
    """Give the answers of one round, if possible of one that differs from another."""
    analyzer.begin()
    rounds = all_at_once(lambda frame: comparable(subject.answer(analyzer, frame)), video)
    return next((answers for answers in rounds if answers != rounds[0]), rounds[0])


def _beside_another(comparison: Comparison, one: Analyzer, other: Analyzer) -> Iterator[Breach]:
    """Analyse two videos in turns, each with an instance of its own."""
    videos = comparison.videos()
    given: dict[str, list[str]] = {video.name: [] for video in videos}
    pair = list(zip((one, other), (videos[:1] + videos[-1:]), strict=False))
    for analyzer, _ in pair:
        analyzer.begin()
    for frames in zip_longest(*(video.frames() for _, video in pair)):
        for (analyzer, video), frame in zip(pair, frames, strict=True):
            if frame is not None:
                given[video.name].append(comparable(comparison.subject.answer(analyzer, frame)))
    for _, video in pair if len(videos) > 1 else ():
        if what := comparison.difference(video, given[video.name]):
            yield Breach(Rule.INSTANCES_ARE_APART, f"beside another instance it answered otherwise for {what}")
            return
