"""Results documents of any length, and completed jobs that have them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from reelwork.db.engine import Database
from reelwork.jobs.store import JobStore
from reelwork.pipeline.executor import FrameResult
from reelwork.pipeline.results import write_results
from reelwork.queues.memory import MemoryQueue
from reelwork.storage.service import results_key
from tests.support.jobs import make_job

SOURCE = {"width": 1280, "height": 720, "duration_s": 8000.0, "turned": False}
OUTPUTS = ["text", "objects"]


def complete_with(
    data_dir: Path,
    write: Callable[[UUID, BinaryIO], object],
    outputs: list[str] = OUTPUTS,
    source: dict[str, Any] | None = SOURCE,
) -> UUID:
    """Make a completed job in the database of a data directory; ``write`` writes its results."""
    database = Database(f"sqlite:///{data_dir}/reelwork.db")
    store = JobStore(database, MemoryQueue())
    definition = {"name": "p", "nodes": {name: {"analyzer": "x", "with": {}} for name in outputs}, "outputs": outputs}
    job = make_job(pipeline="p", pipeline_definition=definition, source=source)
    job_id = job.job_id
    store.add(job)
    claim = store.claim(job_id, "test", 60.0)
    assert claim is not None
    key = results_key(job_id, claim.lease.token)
    target = data_dir / "files" / key
    target.parent.mkdir(parents=True)
    with target.open("wb") as stream:
        write(job_id, stream)
    assert store.complete(claim.lease, key)
    database.close()
    return job_id


def write_document(stream: BinaryIO, job_id: UUID | None = None, frames: int = 1000) -> None:
    """Write the results of a video of 25 frames a second: a sign that stays, captions, and cars in every frame."""
    write_results(stream, job_id or uuid4(), _frames(frames))


def _frames(count: int) -> Iterator[FrameResult]:
    for number in range(count):
        caption = f"Caption number {number // 50}, which stays for two seconds"
        text = [_item("text", "The sign that stays all along", 0.95), _item("text", caption, 0.5 + number % 50 / 100)]
        cars = [_item("label", label, (number * 7 % 100) / 100) for label in ("car", "bus")[: number % 3]]
        yield FrameResult(number, number / 25, {"text": text, "objects": cars})


def _item(member: str, name: str, confidence: float) -> dict[str, Any]:
    return {member: name, "confidence": confidence, "box": {"x": 0.3875, "y": 0.394444, "w": 0.3625, "h": 0.102778}}
