"""All the ways by which a video comes in, put together."""

from dataclasses import dataclass

from reelwork.uploads.once import SubmitOnce
from reelwork.uploads.resumable import ResumableUploads


@dataclass(frozen=True)
class Uploads:
    """What the API does with videos that come in.

    Attributes:
        once: In one request.
        resumable: In several requests.
        max_bytes: Largest accepted file.
        expiry_s: How long an upload in several requests is kept after its last byte.
    """

    once: SubmitOnce
    resumable: ResumableUploads
    max_bytes: int
    expiry_s: float
