"""How videos come in, and how what was given up is cleared away."""

from reelwork.bootstrap.foundation import Foundation
from reelwork.jobs.service import JobService
from reelwork.settings import Settings
from reelwork.uploads.abandoned import AbandonedUploads
from reelwork.uploads.keys import IdempotencyKeys
from reelwork.uploads.once import SubmitOnce
from reelwork.uploads.partials import PartialUploads
from reelwork.uploads.resumable import ResumableUploads
from reelwork.uploads.uploads import Uploads


def make_uploads(base: Foundation, jobs: JobService, settings: Settings) -> Uploads:
    """Make the ways by which a video comes in."""
    keys, partials = _tables(base, settings)
    lease_s, max_bytes = settings.lease_s, settings.max_upload_bytes
    resumable = ResumableUploads(jobs, partials, keys, base.storage, max_bytes=max_bytes, lease_s=lease_s)
    return Uploads(SubmitOnce(jobs, keys, lease_s), resumable, max_bytes, settings.upload_expiry_s)


def make_abandoned_uploads(base: Foundation, settings: Settings, orphan_age_s: float) -> AbandonedUploads:
    """Make what clears away uploads that were given up."""
    keys, partials = _tables(base, settings)
    return AbandonedUploads(partials, keys, base.storage, orphan_age_s)


def _tables(base: Foundation, settings: Settings) -> tuple[IdempotencyKeys, PartialUploads]:
    keys = IdempotencyKeys(base.database, settings.idempotency_expiry_s)
    partials = PartialUploads(base.database, keys, lease_s=settings.lease_s, expiry_s=settings.upload_expiry_s)
    return keys, partials
