"""Jobs as the API would make them, without a video behind them."""

from typing import Any
from uuid import UUID, uuid4

from reelwork.jobs.model import Job
from reelwork.storage.service import video_key

DEFINITION: dict[str, Any] = {
    "name": "frames",
    "description": "",
    "sampling": {"frame_stride": None, "every_s": None, "max_frames": None},
    "nodes": {},
    "outputs": [],
}


def make_job(job_id: UUID | None = None, **columns: Any) -> Job:
    """Make a pending job that is not yet in any table."""
    job_id = job_id or uuid4()
    given: dict[str, Any] = {
        "input_path": video_key(job_id),
        "pipeline": "frames",
        "pipeline_definition": DEFINITION,
        "options": {"frame_stride": None, "max_frames": None},
    }
    return Job(job_id=job_id, **(given | columns))
