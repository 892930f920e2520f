"""The analysis process of `reelwork analyze`: it does what the worker's does, without a job."""

import ctypes
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reelwork.bootstrap.pipelines import decode_limits, make_pipeline_service
from reelwork.child_process import ChildProcess, end_with_starting_thread
from reelwork.errors import AnalysisFailed, ReelworkError
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.sampling import Sampling
from reelwork.pipeline.service import VideoFilePipelineService
from reelwork.settings import Settings
from reelwork.video.probe import probe
from reelwork.video.source import VideoFacts

log = logging.getLogger(__name__)

FramesDone = ctypes.c_uint64
"""How many frames are analysed, in memory that the process shares with its parent."""


@dataclass(frozen=True)
class LocalAnalysis:
    """What to analyse, where to write the results, and where temporary files may lie.

    ``careful`` asks for decoding in one thread, once the process has crashed.
    """

    video_path: Path
    definition: PipelineDefinition
    sampling: Sampling
    results_path: Path
    scratch_dir: Path
    careful: bool = False


@dataclass(frozen=True)
class LocalResults:
    """The results are written."""

    frames: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """There are none; ``message`` is for the person at the terminal."""

    message: str


Request = Path | LocalAnalysis
"""A video to describe, or one to analyse."""

Answer = VideoFacts | LocalResults | Refusal

LocalAnalysisProcess = ChildProcess[Request, Answer]


def set_up_local_analysis(settings: Settings, done: FramesDone) -> Callable[[Request], Answer]:
    """Return the function that answers requests; called in the child."""
    end_with_starting_thread()
    os.dup2(2, 1)  # standard output is for results, and analyzers may print
    logging.getLogger().setLevel(logging.WARNING)  # somebody watches: no account of what goes as it should
    service = make_pipeline_service(settings)

    def answer(request: Request) -> Answer:
        try:
            if isinstance(request, Path):
                return probe(request, decode_limits(settings))
            return _analyse(service, request, done)
        except ReelworkError as error:
            return Refusal(str(error))
        except OSError as error:  # what analyzers and the decoder raise is told apart before
            return Refusal(f"The results cannot be written: {error.strerror or error}.")
        except Exception as error:
            log.exception("analysis.unexpected_error")
            return Refusal(f"The analysis failed unexpectedly ({type(error).__name__}: {error}).")

    return answer


def _analyse(service: VideoFilePipelineService, request: LocalAnalysis, done: FramesDone) -> LocalResults:
    def write(results: Iterator[FrameResult]) -> int:
        done.value = 0
        with request.results_path.open("wb") as stream:
            return write_results(stream, None, _counted(results, done))

    analysis = service.analyse(
        request.video_path, request.definition, request.sampling, write, request.scratch_dir, careful=request.careful
    )
    if analysis.outcome == 0:
        raise AnalysisFailed("The sampling picks no frame of the video, so there is nothing to analyse.")
    return LocalResults(analysis.outcome, analysis.warnings)


def _counted(results: Iterator[FrameResult], done: FramesDone) -> Iterator[FrameResult]:
    for result in results:
        yield result
        done.value += 1
