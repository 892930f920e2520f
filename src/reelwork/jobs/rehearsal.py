"""What would be done with a submit, told without doing it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.jobs.model import Job
from reelwork.jobs.options import SubmitOptions
from reelwork.jobs.store import JobStore, Run
from reelwork.pipeline.definition import PipelineDefinition
from reelwork.storage.service import StorageService
from reelwork.video.counting import FrameCount
from reelwork.video.packets import Chooser

CountFrames = Callable[[Path, Chooser], FrameCount | None]
"""Counts the frames of a video, and those that are wanted, in a process of its own; None: only decoding can tell."""

_ONLY_DECODING_CAN_TELL = (
    "How many frames there are to analyse shows only when they are decoded: the index of this video does not tell, "
    "or is too long to read now."
)


def nobody_counts(path: Path, chooser: Chooser) -> None:
    """Count nothing: where no process is there to open a video."""


@dataclass(frozen=True)
class Plan:
    """What would be done.

    Attributes:
        frames_in_video: How many frames the video presents; None if only decoding can tell.
        frames_to_analyse: How many of them the sampling picks; None likewise.
        estimated_s: How long that takes, by what took place here before; None if nothing did.
        estimated_from: From how many jobs.
        warnings: What a person should know.
    """

    options: SubmitOptions
    source: dict[str, Any]
    definition: dict[str, Any]
    frames_in_video: int | None
    frames_to_analyse: int | None
    estimated_s: float | None
    estimated_from: int
    warnings: tuple[str, ...]


class Rehearsed(Exception):
    """Ends a submit that was a dry run: what was stored for it goes, as when a submit is refused."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        super().__init__("This was a dry run: nothing is kept.")


class Rehearsal:
    """Counts and estimates."""

    def __init__(self, store: JobStore, storage: StorageService, count_frames: CountFrames) -> None:
        self._store = store
        self._storage = storage
        self._count_frames = count_frames

    def of(self, job: Job, options: SubmitOptions) -> Plan:
        """Say what would be done with a job that was checked and is in no table.

        Raises:
            VideoUnreadable: The video cannot be opened.
        """
        sampling = PipelineDefinition.model_validate(job.pipeline_definition).sampling.with_options(**job.options)
        with self._storage.local_path(job.input_path) as path:
            counted = self._count_frames(path, sampling.chooser())
        runs = self._store.recent_runs(job.pipeline)
        wanted = counted.wanted if counted else None
        return Plan(
            options=options,
            source=job.source or {},
            definition=job.pipeline_definition,
            frames_in_video=counted.frames if counted else None,
            frames_to_analyse=wanted,
            estimated_s=None if wanted is None else _estimate(runs, wanted),
            estimated_from=len(runs),
            warnings=tuple(_warnings(counted)),
        )


def _estimate(runs: Sequence[Run], frames: int) -> float | None:
    """Scale what earlier jobs took by the number of frames."""
    analysed = sum(run.frames for run in runs)
    return round(sum(run.seconds for run in runs) / analysed * frames, 3) if analysed else None


def _warnings(counted: FrameCount | None) -> list[str]:
    if counted is None:
        return [_ONLY_DECODING_CAN_TELL]
    if not counted.wanted:
        return ["The sampling picks no frame of the video: such a job fails."]
    return []
