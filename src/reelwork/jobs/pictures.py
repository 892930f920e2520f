"""Frames of a job's video as pictures, with what the job found drawn on them if that is wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reelwork.errors import (
    FileMissing,
    FrameNotAnalysed,
    InvalidOptions,
    Mistake,
    ResultsGone,
    ResultsNotReady,
    VideoGone,
)
from reelwork.jobs.model import Job
from reelwork.pipeline.drawings import shapes
from reelwork.pipeline.results import find_entry
from reelwork.storage.service import StorageService
from reelwork.video.pictures import PictureRequest, Shape

MakePicture = Callable[[PictureRequest], bytes]
"""Decodes the frame in a process of its own; raises ``FrameNotFound`` or ``VideoUnreadable``."""


@dataclass(frozen=True)
class PictureOptions:
    """How a frame is shown.

    Attributes:
        width: To scale down to.
        quality: Of the JPEG, 1..100.
        boxes: Whether to draw what was found.
        node: Draw this output node's answers only.
    """

    width: int | None = None
    quality: int = 90
    boxes: bool = False
    node: str | None = None


class JobPictures:
    """Makes pictures of frames."""

    def __init__(self, storage: StorageService, make_picture: MakePicture) -> None:
        self._storage = storage
        self._make_picture = make_picture

    def picture(self, job: Job, number: int, options: PictureOptions) -> bytes:
        """Return a frame as a JPEG.

        Args:
            job: Whose video.
            number: The frame's index among those the video presents.
            options: How to show it.

        Raises:
            VideoGone: The video is not in storage any more.
            FrameNotFound: It has no such frame.
            VideoUnreadable: It cannot be decoded up to there within the limits.
            ResultsNotReady, ResultsGone, FrameNotAnalysed: There is nothing to draw.
            InvalidOptions: ``node`` is no output of the pipeline.
        """
        drawn = self._found(job, number, options.node) if options.boxes else ()
        try:
            with self._storage.local_path(job.input_path) as path:
                return self._make_picture(
                    PictureRequest(
                        path,
                        number,
                        options.width,
                        options.quality,
                        tuple(drawn),
                        # What was damaged was numbered as it came out, and must be again.
                        careful=bool((job.report or {}).get("warnings")),
                        keep_damaged=job.pipeline_definition.get("on_decode_error") == "keep",
                    )
                )
        except FileMissing as error:
            raise VideoGone(job.job_id) from error

    def _found(self, job: Job, number: int, node: str | None) -> Sequence[Shape]:
        if job.output_path is None:
            raise ResultsNotReady(job.job_id, job.status, job.error_message)
        outputs = job.pipeline_definition["outputs"]
        if node is not None and node not in outputs:
            raise InvalidOptions([Mistake("node", f"name an output node of the pipeline: {', '.join(outputs)}")])
        try:
            document = self._storage.load_file(job.output_path)
        except FileMissing as error:
            raise ResultsGone(job.job_id) from error
        with document:
            entry = find_entry(document, number)
        if entry is None:
            raise FrameNotAnalysed(number)
        # All are numbered, so that a node has the same colour with others and without.
        return shapes(entry["result"], [output if node in (None, output) else "" for output in outputs])
