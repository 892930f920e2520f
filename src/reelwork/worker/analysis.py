"""What runs in the worker's child process: one analysis after another."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from reelwork.errors import AnalysisFailed, ReelworkError
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.pipeline.service import VideoFilePipelineService

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnalysisRequest:
    """One job's work: the video, its frozen pipeline and options, and where to write the results.

    ``careful`` asks for decoding in one thread, once the process has crashed.
    """

    job_id: UUID
    video_path: Path
    pipeline_definition: dict[str, Any]
    options: dict[str, Any]
    results_path: Path
    careful: bool = False


@dataclass(frozen=True)
class Analysed:
    """The results are written; ``report`` is what is kept of the analysis with the job."""

    frames: int
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnalysisError:
    """There are no results; ``message`` is for the person who submitted the job.

    ``final`` is False when another attempt, perhaps on another machine, may well succeed.
    """

    message: str
    final: bool = True


AnalysisAnswer = Analysed | AnalysisError


def analysing(service: VideoFilePipelineService) -> Callable[[AnalysisRequest], AnalysisAnswer]:
    """Return the function that answers requests."""

    def answer(request: AnalysisRequest) -> AnalysisAnswer:
        try:
            return _analyse(service, request)
        except ReelworkError as error:
            return AnalysisError(str(error))
        except OSError as error:  # from the results' file: what analyzers and the decoder raise is told apart before
            return AnalysisError(f"The worker could not write the results to its disk ({error.strerror})", final=False)
        except Exception as error:
            log.exception("analysis.unexpected_error")
            return AnalysisError(f"The analysis failed unexpectedly ({type(error).__name__}: {error}).")

    return answer


def _analyse(service: VideoFilePipelineService, request: AnalysisRequest) -> Analysed:
    definition = PipelineDefinition.model_validate(request.pipeline_definition)
    sampling = definition.sampling.with_options(**request.options)

    def write(results: Iterator[FrameResult]) -> int:
        with request.results_path.open("wb") as stream:
            return write_results(stream, request.job_id, results)

    scratch_dir = request.results_path.parent
    analysis = service.analyse(request.video_path, definition, sampling, write, scratch_dir, careful=request.careful)
    if analysis.outcome == 0:
        raise AnalysisFailed("The sampling picks no frame of the video, so there is nothing to analyse.")
    report = {
        "frames": analysis.outcome,
        "warnings": list(analysis.warnings),
        "provenance": service.provenance(definition),
    }
    return Analysed(analysis.outcome, report)
