"""The API's process."""

from fastapi import FastAPI

from reelwork.access.keyring import Keyring
from reelwork.access.store import KeyStore
from reelwork.api.app import create_app
from reelwork.api.catalog import ServiceLimits
from reelwork.bootstrap.access import require_key
from reelwork.bootstrap.foundation import open_foundation
from reelwork.bootstrap.pipelines import decode_limits, load_catalog
from reelwork.bootstrap.uploads import make_uploads
from reelwork.db.migrate import require_head
from reelwork.jobs.pictures import JobPictures
from reelwork.jobs.service import JobService
from reelwork.settings import Settings
from reelwork.video.pictures import PictureMaker
from reelwork.video.prober import VideoProber


def make_api(settings: Settings) -> FastAPI:
    """Make the HTTP application.

    Raises:
        ConfigurationError: It asks for API keys, and there is none; or the foundation cannot be opened.
    """
    base = open_foundation(settings)
    require_key(settings, base.database)
    catalog = load_catalog(settings)
    of_children = (settings.probe_processes, settings.probe_timeout_s, settings.job_memory_mb)
    prober = VideoProber(decode_limits(settings), *of_children)
    picture_maker = PictureMaker(decode_limits(settings), *of_children)
    jobs = JobService(
        base.store, base.storage, catalog, prober, count_frames=prober.count, most_retention_s=settings.retention_s
    )

    def stop() -> None:
        prober.stop()
        picture_maker.stop()
        base.database.close()

    return create_app(
        jobs,
        JobPictures(base.storage, picture_maker),
        make_uploads(base, jobs, settings),
        catalog,
        ServiceLimits(settings.max_upload_bytes, settings.max_pixels, settings.retention_s),
        check_ready=lambda: require_head(base.database),
        start=prober.start,
        stop=stop,
        keyring=Keyring(KeyStore(base.database)) if settings.asks_for_keys else None,
        cors_origins=settings.cors_origins.split(),
        upload_idle_s=settings.upload_idle_s,
    )
