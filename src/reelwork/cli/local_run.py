"""One analysis in a child process, as somebody at a terminal sees it: a bar, and a sentence if it fails."""

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from reelwork.bootstrap.local_analysis import (
    Answer,
    FramesDone,
    LocalAnalysis,
    LocalAnalysisProcess,
    LocalResults,
    Refusal,
    Request,
    set_up_local_analysis,
)
from reelwork.child_process import ChildDied, with_care_after_a_crash
from reelwork.errors import AnalysisFailed
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.sampling import Sampling
from reelwork.settings import Settings
from reelwork.video.frame import Moment
from reelwork.video.source import VideoFacts

_LOOK_EVERY_S = 0.1
_MEBIBYTE = 2**20


def run_locally(
    settings: Settings, video_path: Path, definition: PipelineDefinition, sampling: Sampling, results_path: Path
) -> tuple[str, ...]:
    """Analyse a file, write the results and return what a person should know about them.

    Raises:
        AnalysisFailed: There are no results.
    """
    # The process is ended before its temporary files are removed, which it may not have come to.
    with TemporaryDirectory(prefix="reelwork-") as scratch, _analysis_process(settings) as process:
        request = LocalAnalysis(video_path, definition, sampling, results_path, Path(scratch))
        try:
            facts = process.ask(lambda _: None, video_path)
            assert isinstance(facts, VideoFacts)
            with _bar(video_path.name, facts, sampling) as show:
                results = with_care_after_a_crash(partial(process.ask, show), request)
        except ChildDied as error:
            raise AnalysisFailed(f"The video or an analyzer crashes the analysis (the process {error}).") from error
        assert isinstance(results, LocalResults)
        return results.warnings


class _AnalysisProcess:
    """The child, and how many frames it has done."""

    def __init__(self, settings: Settings) -> None:
        self._memory_mb = settings.job_memory_mb
        self._done = multiprocessing.get_context("spawn").RawValue(FramesDone, 0)
        self.child = LocalAnalysisProcess("analyze", set_up_local_analysis, settings, self._done)

    def ask(self, show: Callable[[int], None], request: Request) -> Answer:
        """Have something done and say meanwhile how far it is."""
        self.child.send(request)
        while not self.child.wait_for_answer(_LOOK_EVERY_S):
            show(self._done.value)
            if self.child.memory_bytes > self._memory_mb * _MEBIBYTE:
                raise AnalysisFailed(
                    f"The analysis took more than {self._memory_mb} MB of memory and was stopped; "
                    "REELWORK_JOB_MEMORY_MB allows more."
                )
        answer = self.child.answer()
        if isinstance(answer, Refusal):
            raise AnalysisFailed(answer.message)
        return answer


@contextmanager
def _analysis_process(settings: Settings) -> Iterator[_AnalysisProcess]:
    """Give a process that is gone at the end, whatever happens."""
    signal.signal(signal.SIGTERM, _end)  # like a Ctrl-C: what was begun is to be removed
    process = _AnalysisProcess(settings)
    try:
        yield process
    finally:
        process.child.kill()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


@contextmanager
def _bar(name: str, facts: VideoFacts, sampling: Sampling) -> Iterator[Callable[[int], None]]:
    """Show how many frames are done, how fast, and how long it will take; on a terminal only."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(None),
        MofNCompleteColumn(),
        _FramesPerSecond(),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(name, total=None)
        expected = cache(lambda: expected_picks(facts, sampling))  # of a long video it takes a while
        yield lambda done: progress.update(task, completed=done, total=expected())


class _FramesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} frames/s", style="progress.data.speed")


def expected_picks(facts: VideoFacts, sampling: Sampling) -> int | None:
    """Return how many frames will be analysed if the container is right and its frame rate is constant."""
    if not facts.expected_frames or sampling.keyframes:
        return sampling.max_frames
    frame_s = Fraction(facts.duration_s or 0) / facts.expected_frames
    chooser, picks = sampling.chooser(), 0
    for index in range(facts.expected_frames):
        picks += chooser.wants(Moment(index, index * frame_s), is_key=False)
        if chooser.over:
            break
    return picks
