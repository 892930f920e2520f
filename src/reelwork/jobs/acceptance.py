"""What makes a stored video and the options it came with a job: the pipeline takes them, and the video opens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from reelwork.errors import InvalidOptions, Mistake, PipelineUnavailable, UnknownPipeline, VideoUnreadable
from reelwork.jobs.model import Job
from reelwork.jobs.options import SubmitOptions
from reelwork.pipeline.catalog import PipelineCatalog
from reelwork.pipeline.graph import PipelineGraph
from reelwork.storage.service import StorageService
from reelwork.video.source import VideoFacts

_CUT_OFF = (
    "The MP4 is truncated: its index lists more than the file holds, as when an upload was cut off. Send the whole "
    "file, or analyse what there is with a pipeline that says on_decode_error: keep."
)


class ProbeVideo(Protocol):
    """Opens a file in a process of its own."""

    def __call__(self, path: Path) -> VideoFacts:
        """Return what the container says; raise ``VideoUnreadable`` if nothing of it can be decoded."""


WhyNotTold = Callable[[str], str | None]


def nobody_refuses(url: str) -> None:
    """Take every address."""


@dataclass(frozen=True)
class StoredVideo:
    """A video that is in storage, and whose it is."""

    key: str
    sha256: str
    size: int
    owner: str | None = None


class Acceptance:
    """Checks options, and makes jobs of those that pass."""

    def __init__(
        self,
        storage: StorageService,
        catalog: PipelineCatalog,
        probe_video: ProbeVideo,
        most_retention_s: float = 0.0,
        why_not_told: WhyNotTold = nobody_refuses,
    ) -> None:
        """Make the check.

        Args:
            storage: Where the videos are.
            catalog: The pipelines there are.
            probe_video: Opens a video.
            most_retention_s: Longer than that nobody may ask to keep a job; 0: as long as they like.
            why_not_told: Says why nobody can be told at an address that a job is over; None if they can.
        """
        self._storage = storage
        self._catalog = catalog
        self._probe_video = probe_video
        self._most_retention_s = most_retention_s
        self._why_not_told = why_not_told

    def check(self, options: SubmitOptions, mistakes: Sequence[Mistake] = ()) -> PipelineGraph:
        """Return the pipeline as it is asked for.

        Args:
            options: What is asked for.
            mistakes: What is known to be wrong with the rest, to be told together.

        Raises:
            UnknownPipeline, PipelineUnavailable: The pipeline cannot be used; nothing else is wrong.
            InvalidOptions: Every mistake is listed.
        """
        mistakes = [*mistakes, *self._kept_too_long(options), *self._told_nowhere(options)]
        try:
            graph = self._catalog.get(options.pipeline, options.params)
        except InvalidOptions as error:
            mistakes += error.mistakes
        except (UnknownPipeline, PipelineUnavailable) as error:
            if not mistakes:
                raise
            mistakes.append(Mistake("pipeline", str(error)))
        if mistakes:
            raise InvalidOptions(mistakes)
        return graph

    def accept(self, job_id: UUID, video: StoredVideo, options: SubmitOptions) -> Job:
        """Check everything and return the job, which is not yet in any table.

        Raises:
            SubmissionRefused: The options or the video are refused.
        """
        graph = self.check(options)
        with self._storage.local_path(video.key) as path:
            facts = self._probe_video(path)
        if facts.ends_early and graph.definition.on_decode_error != "keep":
            raise VideoUnreadable(_CUT_OFF)
        return Job(
            job_id=job_id,
            input_path=video.key,
            input_bytes=video.size,
            owner=video.owner,
            pipeline=options.pipeline,
            pipeline_definition=graph.definition_json,
            options=dict(options.sampling),
            source={"sha256": video.sha256, "bytes": video.size, **_told(facts)},
            external_id=options.external_id,
            retention_s=options.retention_s,
            webhook_url=options.webhook_url,
        )

    def _kept_too_long(self, options: SubmitOptions) -> Iterator[Mistake]:
        most_s = self._most_retention_s
        if most_s and options.retention_s is not None and options.retention_s > most_s:
            yield Mistake("retention_s", f"This service keeps jobs for at most {most_s:g} seconds")

    def _told_nowhere(self, options: SubmitOptions) -> Iterator[Mistake]:
        if options.webhook_url is not None and (reason := self._why_not_told(options.webhook_url)):
            yield Mistake("webhook_url", reason)


def _told(facts: VideoFacts) -> dict[str, Any]:
    return {name: value for name, value in vars(facts).items() if name != "ends_early"}
