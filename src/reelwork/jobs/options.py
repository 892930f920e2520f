"""What a client may ask for beside the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reelwork.pipeline.catalog import DEFAULT_PIPELINE
from reelwork.pipeline.params import Params

MOST_TAGS = 20
MOST_TAG_CHARACTERS = 64
MOST_EXTERNAL_ID_CHARACTERS = 255
MOST_URL_CHARACTERS = 2048
LEAST_RETENTION_S = 60.0
MOST_RETENTION_S = 100 * 365 * 86400.0
"""More would leave the range of what databases can add to a time."""


@dataclass(frozen=True)
class SubmitOptions:
    """What a client asks for, each on its own in order; ``Acceptance`` checks what the pipeline has to say.

    Attributes:
        pipeline: Name of the pipeline.
        sampling: Of ``frame_stride``, ``every_s``, ``keyframes``, ``ranges`` and ``max_frames`` what was given.
        params: Settings of the pipeline's nodes to change, by node.
        tags: Words by which the client finds its jobs again.
        external_id: What the client calls the job.
        retention_s: How long the job is kept once it is over; None leaves it to the service.
        webhook_url: Where to tell that it is over.
        dry_run: Say what would be done, and do and keep nothing.
    """

    pipeline: str = DEFAULT_PIPELINE
    sampling: Mapping[str, Any] = field(default_factory=dict)
    params: Params = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    external_id: str | None = None
    retention_s: float | None = None
    webhook_url: str | None = None
    dry_run: bool = False
