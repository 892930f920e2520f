"""What the product is for: real videos through the real service, over HTTP."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import av
import pytest

from tests.support.service import Caller, Service


def texts(entry: dict) -> list[str]:
    return [item["text"] for item in entry["result"]["text"]]


def test_title_card_is_read_in_every_frame(up: Caller, media_dir: Path) -> None:
    results = up.results(up.submit(media_dir / "midroll-5s.mp4"))

    assert [entry["frame_index"] for entry in results] == list(range(125))
    assert all("ExoPlayer ad test" in texts(entry) and "Midroll" in texts(entry) for entry in results)


def test_time_read_in_each_frame_is_its_time(up: Caller, media_dir: Path) -> None:
    results = up.results(up.submit(media_dir / "burned-in-time-15fps.mp4"))

    assert len(results) == 15
    for entry in results:
        seconds = f"{entry['result']['time_s']:.3f}"
        assert f"00:00:{seconds:0>6}" in texts(entry)


def test_every_frame_is_answered_with_its_exact_time(up: Caller, media_dir: Path) -> None:
    clip = media_dir / "car-detection.mp4"
    with av.open(str(clip)) as container:
        times = [float(Fraction(frame.pts) * frame.time_base) for frame in container.decode(video=0)]

    results = up.results(up.submit(clip, pipeline="frames"))

    assert len(results) == 377
    assert results == [{"frame_index": index, "result": {"time_s": time}} for index, time in enumerate(times)]


def test_codes_and_text_of_every_parcel(up: Caller, media_dir: Path) -> None:
    results = up.results(up.submit(media_dir / "parcels.mp4", pipeline="text_codes", frame_stride=10))

    assert [entry["frame_index"] for entry in results] == [0, 10, 20]
    for entry, number, ean in zip(
        results, ("4711", "0815", "2046"), ("4006381333931", "5901234123457", "9780201379624"), strict=True
    ):
        codes = {code["format"]: code["text"] for code in entry["result"]["codes"]}
        assert codes == {"QRCode": f"https://reelwork.example/{number}", "EAN13": ean}
        assert f"PARCEL {number}" in texts(entry)


def test_options_limit_the_frames(up: Caller, media_dir: Path) -> None:
    job_id = up.submit(media_dir / "midroll-5s.mp4", pipeline="frames", frame_stride=50, max_frames=2)

    assert [entry["frame_index"] for entry in up.results(job_id)] == [0, 50]


def test_raw_body_with_options_in_the_query(up: Caller, media_dir: Path) -> None:
    answer = up.http.post(
        "/video/submit?pipeline=frames&max_frames=3",
        content=(media_dir / "midroll-5s.mp4").read_bytes(),
        headers={"Content-Type": "video/mp4"},
    )

    assert answer.status_code == 202
    job_id = answer.json()["job_id"]
    assert answer.json() == {"job_id": job_id}
    assert answer.headers["location"] == f"/video/status/{job_id}"
    assert answer.headers["retry-after"].isdecimal()
    assert len(up.results(UUID(job_id))) == 3


def test_same_file_and_pipeline_give_the_same_bytes(up: Caller, media_dir: Path) -> None:
    documents = set()
    for _ in range(2):
        job_id = up.submit(media_dir / "burned-in-time-15fps.mp4", max_frames=4)
        up.wait_for(job_id, "completed")
        documents.add(up.http.get(f"/video/results/{job_id}").text.replace(str(job_id), "the job"))
    assert len(documents) == 1


@pytest.mark.parametrize(("pipeline", "node"), [("scenes", "scenes"), ("quality", "quality")])
def test_other_shipped_pipelines_answer_every_frame(up: Caller, media_dir: Path, pipeline: str, node: str) -> None:
    results = up.results(up.submit(media_dir / "car-detection.mp4", pipeline=pipeline, max_frames=20))

    assert len(results) == 20
    assert all(set(entry["result"]) == {"time_s", node} for entry in results)


def test_status_document_is_exactly_the_contract(up: Caller, media_dir: Path) -> None:
    job_id = up.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
    seen = {tuple(sorted(up.status(job_id).items()))}
    up.wait_for(job_id, "completed")
    seen.add(tuple(sorted(up.status(job_id).items())))

    for document in map(dict, seen):
        assert set(document) == {"job_id", "status", "progress"}
        assert document["progress"] == {"pending": 0, "running": 0.5, "completed": 1.0}[document["status"]]


def test_results_of_an_unfinished_or_unknown_job(
    service: Service, caller: Callable[[str], Caller], media_dir: Path
) -> None:
    calls = caller(service.start("serve", "--port", "0").url())  # and no worker
    job_id = calls.submit(media_dir / "burned-in-time-15fps.mp4", max_frames=2)
    early = calls.http.get(f"/video/results/{job_id}")
    unknown = calls.http.get("/video/results/00000000-0000-4000-8000-000000000000")
    malformed = calls.http.get("/video/status/not-a-job")

    assert early.status_code == 404
    assert early.headers["content-type"] == "application/problem+json"
    assert early.json()["type"] == "urn:reelwork:problem:results-not-ready"
    assert early.json()["job_status"] == "pending"
    for answer in (unknown, malformed):
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:reelwork:problem:job-not-found"


def test_pipelines_say_what_they_lack(up: Caller) -> None:
    pipelines = {entry["name"]: entry for entry in up.http.get("/pipelines").json()["pipelines"]}

    assert {name for name, entry in pipelines.items() if not entry["available"]} == {"objects", "yolo_ocr"}
    assert re.search(r"objects\.onnx.*models", pipelines["objects"]["unavailable_because"])


def test_the_service_says_it_is_alive_and_ready(up: Caller) -> None:
    assert up.http.get("/healthz").text == "ok\n"
    assert up.http.get("/readyz").json()["status"] == "ready"
