"""The client against the real service, worker and all."""

import inspect
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from reelwork.client import (
    AsyncClient,
    AsyncJob,
    Client,
    FrameResult,
    Job,
    JobState,
    NoResults,
    NoSuchJob,
    RequestRefused,
    WaitTimedOut,
)
from tests.unit.client.conftest import LIMIT_BYTES


@pytest.fixture
def large(tmp_path: Path, clip: Path) -> Path:
    """A file that begins like an MP4, is larger than the service takes, and takes no space."""
    path = tmp_path / "large.mp4"
    path.write_bytes(clip.read_bytes()[:1000])
    with path.open("r+b") as stream:
        stream.truncate(2 * LIMIT_BYTES)
    return path


def test_a_job_from_submit_to_results(client: Client, clip: Path) -> None:
    job = client.submit(clip, pipeline="frames", frame_stride=2, max_frames=3)
    assert isinstance(job.job_id, UUID)
    assert job.wait() == JobState(job.job_id, "completed", 1.0)
    frames = list(job.results())
    assert [frame.frame_index for frame in frames] == [0, 2, 4]
    assert frames[1] == FrameResult(2, {"time_s": frames[1].time_s})
    assert frames[1].time_s == pytest.approx(2 / 15)
    assert job.failure() is None


def test_saved_results_are_the_document_itself(client: Client, clip: Path) -> None:
    job = client.submit(clip, pipeline="frames")
    job.wait()
    stream = BytesIO()
    size = job.save_results(stream)
    assert size == len(stream.getvalue())
    document = msgspec.json.decode(stream.getvalue())
    assert document["job_id"] == str(job.job_id)
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


def test_a_failed_job_tells_why(client: Client, clip: Path) -> None:
    job = client.submit(clip, pipeline="failing")
    assert job.wait().status == "failed"
    assert "the lens cap is on" in str(job.failure())
    with pytest.raises(NoResults, match="the lens cap is on") as caught:
        list(job.results())
    assert caught.value.type == "urn:reelwork:problem:results-not-ready"
    assert caught.value.job_status == "failed"
    assert "the lens cap is on" in str(caught.value.error_message)


def test_waiting_has_an_end(client: Client, clip: Path, go_on: Path) -> None:
    job = client.submit(clip, pipeline="held")
    heard: list[JobState] = []
    with pytest.raises(WaitTimedOut, match="It goes on"):
        job.wait(timeout_s=0.3, on_state=heard.append)
    assert heard
    assert not any(state.ended for state in heard)
    with pytest.raises(NoResults, match="its results appear when it is completed"):
        job.save_results(BytesIO())
    go_on.touch()
    assert job.wait(on_state=heard.append).status == "completed"
    assert heard[-1].ended


def test_pipelines_come_with_the_reason_why_not(client: Client) -> None:
    pipelines = {pipeline.name: pipeline for pipeline in client.pipelines()}
    assert pipelines["text"].available
    assert pipelines["text"].unavailable_because is None
    assert not pipelines["objects"].available
    assert "onnx" in str(pipelines["objects"].unavailable_because)


def test_an_unknown_job(client: Client) -> None:
    job = client.job(uuid4())
    calls = (job.status, job.wait, job.details, job.failure, lambda: list(job.results()))
    for call in (*calls, lambda: job.save_results(BytesIO())):
        with pytest.raises(NoSuchJob, match=str(job.job_id)) as caught:
            call()
        assert caught.value.type == "urn:reelwork:problem:job-not-found"
        assert caught.value.status == 404


def test_options_that_are_wrong(client: Client, clip: Path) -> None:
    with pytest.raises(RequestRefused) as caught:
        client.submit(clip, frame_stride=0)
    assert caught.value.status == 422
    assert caught.value.members["errors"][0]["option"] == "frame_stride"


def test_a_file_that_is_no_video(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("not an MP4 at all " * 100)
    with pytest.raises(RequestRefused, match="not an MP4"):
        client.submit(path)


def test_an_empty_file(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(RequestRefused, match="no bytes"):
        client.submit(path)


def test_a_refusal_stops_the_upload(client: Client, large: Path) -> None:
    sent = 0

    def on_progress(so_far: int, total: int) -> None:
        nonlocal sent
        sent = so_far

    with pytest.raises(RequestRefused) as caught:
        client.submit(large, on_progress=on_progress)
    assert caught.value.type == "urn:reelwork:problem:upload-too-large"
    assert caught.value.members["limit_bytes"] == LIMIT_BYTES
    assert sent < large.stat().st_size / 2

    with pytest.raises(RequestRefused, match="no pipeline named 'nowhere'") as caught:
        client.submit(large, pipeline="nowhere", on_progress=on_progress)
    assert "text" in caught.value.members["known_pipelines"]
    assert sent < large.stat().st_size / 2


def test_a_file_that_is_not_there(client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.submit(tmp_path / "missing.mp4")


def test_both_clients_have_the_same_surface() -> None:
    for blocking, awaited in ((Client, AsyncClient), (Job, AsyncJob)):
        assert surface(blocking) == surface(awaited)


def surface(kind: type) -> dict[str, list[str]]:
    methods = inspect.getmembers(kind, inspect.isfunction)
    public = {name: method for name, method in methods if not name.startswith("_") or name == "__init__"}
    return {
        name: [
            str(parameter).replace("async_client.Async", "client.")
            for parameter in inspect.signature(method).parameters.values()
        ]
        for name, method in public.items()
    }
