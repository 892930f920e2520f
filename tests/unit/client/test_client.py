"""The client against the real service, worker and all."""

import tracemalloc
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from reelwork.client import Client, FrameResult, JobState, ServiceProblem, WaitTimedOut
from tests.unit.client.conftest import LIMIT_BYTES


@pytest.fixture
def clip(media_dir: Path) -> Path:
    return media_dir / "burned-in-time-15fps.mp4"


@pytest.fixture
def large(tmp_path: Path, clip: Path) -> Path:
    """A file of 256 MiB that begins like an MP4 and takes no space."""
    path = tmp_path / "large.mp4"
    path.write_bytes(clip.read_bytes()[:1000])
    with path.open("r+b") as stream:
        stream.truncate(2**28)
    return path


def test_a_job_from_submit_to_results(client: Client, clip: Path) -> None:
    job_id = client.submit(clip, pipeline="frames", frame_stride=2, max_frames=3)
    assert isinstance(job_id, UUID)
    assert client.wait(job_id) == JobState(job_id, "completed", 1.0)
    results = client.results(job_id)
    assert results.job_id == job_id
    assert [frame.frame_index for frame in results.results] == [0, 2, 4]
    assert results.results[1] == FrameResult(2, {"time_s": results.results[1].time_s})
    assert results.results[1].time_s == pytest.approx(2 / 15)
    assert client.failure(job_id) is None


def test_saved_results_are_the_document_itself(client: Client, clip: Path) -> None:
    job_id = client.submit(clip, pipeline="frames")
    client.wait(job_id)
    stream = BytesIO()
    size = client.save_results(job_id, stream)
    assert size == len(stream.getvalue())
    document = msgspec.json.decode(stream.getvalue())
    assert document["job_id"] == str(job_id)
    assert len(document["results"]) == 15


def test_progress_rises_to_the_total(client: Client, media_dir: Path) -> None:
    path = media_dir / "person-small.mp4"
    heard: list[tuple[int, int]] = []
    client.submit(path, pipeline="frames", on_progress=lambda sent, total: heard.append((sent, total)))
    size = path.stat().st_size
    sent = [step for step, _ in heard]
    assert sent[0] == 0
    assert sent[-1] == size
    assert sent == sorted(set(sent))
    assert {total for _, total in heard} == {size}


def test_memory_stays_flat(client: Client, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "padded.mp4"
    padding = 2**26
    with path.open("wb") as stream:
        stream.write(clip.read_bytes() + padding.to_bytes(4, "big") + b"free")
        stream.truncate(clip.stat().st_size + padding)
    tracemalloc.start()
    try:
        job_id = client.submit(path, pipeline="frames")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2**22
    assert client.wait(job_id).status == "completed"


def test_a_failed_job_tells_why(client: Client, clip: Path) -> None:
    job_id = client.submit(clip, pipeline="failing")
    assert client.wait(job_id).status == "failed"
    assert "the lens cap is on" in str(client.failure(job_id))
    with pytest.raises(ServiceProblem, match="the lens cap is on") as caught:
        client.results(job_id)
    assert caught.value.type == "urn:reelwork:problem:results-not-ready"
    assert caught.value.members["job_status"] == "failed"


def test_waiting_has_an_end(client: Client, clip: Path) -> None:
    job_id = client.submit(clip, pipeline="slow")
    heard: list[JobState] = []
    with pytest.raises(WaitTimedOut, match="It goes on"):
        client.wait(job_id, timeout_s=0.3, on_state=heard.append)
    assert heard
    assert not any(state.ended for state in heard)
    with pytest.raises(ServiceProblem, match="its results appear when it is completed"):
        client.results(job_id)
    assert client.wait(job_id, on_state=heard.append).status == "completed"
    assert heard[-1].ended


def test_pipelines_come_with_the_reason_why_not(client: Client) -> None:
    pipelines = {pipeline.name: pipeline for pipeline in client.pipelines()}
    assert pipelines["text"].available
    assert pipelines["text"].unavailable_because is None
    assert not pipelines["objects"].available
    assert "onnx" in str(pipelines["objects"].unavailable_because)


def test_an_unknown_job(client: Client) -> None:
    job_id = uuid4()
    for call in (client.status, client.wait, client.results, client.failure):
        with pytest.raises(ServiceProblem, match=str(job_id)) as caught:
            call(job_id)
        assert caught.value.type == "urn:reelwork:problem:job-not-found"
        assert caught.value.status == 404
    with pytest.raises(ServiceProblem, match=str(job_id)):
        client.save_results(job_id, BytesIO())


def test_options_that_are_wrong(client: Client, clip: Path) -> None:
    with pytest.raises(ServiceProblem) as caught:
        client.submit(clip, frame_stride=0)
    assert caught.value.status == 422
    assert caught.value.members["errors"][0]["option"] == "frame_stride"


def test_a_file_that_is_no_video(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not an MP4 at all " * 100)
    with pytest.raises(ServiceProblem, match="not an MP4"):
        client.submit(path)


def test_an_empty_file(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(ServiceProblem, match="no bytes"):
        client.submit(path)


def test_a_refusal_stops_the_upload(client: Client, large: Path) -> None:
    sent = 0

    def on_progress(so_far: int, total: int) -> None:
        nonlocal sent
        sent = so_far

    with pytest.raises(ServiceProblem) as caught:
        client.submit(large, on_progress=on_progress)
    assert caught.value.type == "urn:reelwork:problem:upload-too-large"
    assert caught.value.members["limit_bytes"] == LIMIT_BYTES
    assert sent < large.stat().st_size / 2

    with pytest.raises(ServiceProblem, match="no pipeline named 'nowhere'") as caught:
        client.submit(large, pipeline="nowhere", on_progress=on_progress)
    assert "text" in caught.value.members["known_pipelines"]
    assert sent < large.stat().st_size / 2


def test_a_file_that_is_not_there(client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.submit(tmp_path / "missing.mp4")
