"""Bad input gets a sentence that helps, and leaves nothing behind."""

import socket
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.support.clips import encode_clip, numbered
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until
from tests.support.warm_start import Nursery

LIMIT_BYTES = 4_000_000


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Any:
    service = Service(
        tmp_path_factory.mktemp("refusing") / "data",
        {
            "REELWORK_MAX_UPLOAD_BYTES": str(LIMIT_BYTES),
            "REELWORK_MAX_PIXELS": str(1300 * 800),
            "REELWORK_MAX_DURATION_S": "31",
        },
        nursery=nursery,
    )
    caller = Caller(service.start("serve", "--port", "0").url())
    yield service, caller
    caller.http.close()
    service.close()


@pytest.fixture
def calls(refusing: tuple[Service, Caller]) -> Any:
    service, caller = refusing
    yield caller
    assert service.stored_files() == []
    assert list((service.data_dir / "files").rglob(".*")) == []
    with create_engine(f"sqlite:///{service.data_dir}/reelwork.db").connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM job")).scalar() == 0
        assert connection.execute(text("SELECT count(*) FROM queue_entry")).scalar() == 0
    connection.engine.dispose()


def refusal(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:reelwork:problem:{name}"
    assert problem["status"] == status
    assert problem["title"]
    assert "Traceback" not in answer.text
    assert "/files/" not in answer.text
    return problem


def send(calls: Caller, content: bytes, **options: str) -> httpx.Response:
    return calls.http.post("/video/submit", params=options, content=content, headers={"Content-Type": "video/mp4"})


def test_not_an_mp4(calls: Caller) -> None:
    problem = refusal(send(calls, b"%PDF-1.7 this is something else" * 100), 415, "unsupported-media")
    assert "ffmpeg -i" in problem["detail"]


def test_playlist_with_the_name_of_an_mp4(calls: Caller) -> None:
    refusal(send(calls, b"ffconcat version 1.0\nfile /etc/passwd\n"), 415, "unsupported-media")


def test_empty(calls: Caller) -> None:
    refusal(send(calls, b""), 422, "upload-empty")
    refusal(calls.http.post("/video/submit", files={"file": b""}), 422, "upload-empty")


def test_truncated_before_its_index(calls: Caller, media_dir: Path) -> None:
    half = (media_dir / "midroll-5s.mp4").read_bytes()[:7000]
    assert "truncated" in refusal(send(calls, half), 422, "video-unreadable")["detail"]


def test_truncated_so_that_no_frame_is_left(calls: Caller, media_dir: Path) -> None:
    content = (media_dir / "car-detection.mp4").read_bytes()
    index_only = content[: content.index(b"mdat") + 4]
    assert "damaged or truncated" in refusal(send(calls, index_only), 422, "video-unreadable")["detail"]


def test_truncated_behind_its_index(calls: Caller, media_dir: Path) -> None:
    content = (media_dir / "car-detection.mp4").read_bytes()
    begins_with_index = content.index(b"moov") < content.index(b"mdat")
    assert begins_with_index
    problem = refusal(send(calls, content[: len(content) * 2 // 3]), 422, "video-unreadable")
    assert "its index lists more than the file holds" in problem["detail"]


def test_fragments_that_break_off(calls: Caller, media_dir: Path) -> None:
    content = (media_dir / "fragmented.mp4").read_bytes()
    problem = refusal(send(calls, content[: len(content) * 2 // 3]), 422, "video-unreadable")
    assert "truncated" in problem["detail"]


def test_too_long(calls: Caller, tmp_path: Path) -> None:
    long = encode_clip(tmp_path / "long.mp4", numbered(32), rate=1)
    problem = refusal(send(calls, long.read_bytes()), 422, "video-unreadable")
    assert "32.0 s long, more than the 31 s this service takes" in problem["detail"]


def test_audio_only(calls: Caller, tmp_path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(tmp_path / "audio.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())

    problem = refusal(send(calls, (tmp_path / "audio.mp4").read_bytes()), 422, "video-unreadable")
    assert "only audio" in problem["detail"]


def test_encrypted(calls: Caller, media_dir: Path) -> None:
    content = (media_dir / "midroll-5s.mp4").read_bytes().replace(b"avc1", b"encv")
    refusal(send(calls, content), 422, "video-unreadable")


@pytest.mark.parametrize(
    ("codec", "said"), [("libx264", "is 2000x1000, more than"), ("mpeg4", "more than the 1040000")]
)
def test_picture_too_large(calls: Caller, tmp_path: Path, codec: str, said: str) -> None:
    import av
    import numpy as np

    with av.open(str(tmp_path / "large.mp4"), "w") as container:
        stream = container.add_stream(codec, rate=1)
        stream.width, stream.height, stream.pix_fmt = 2000, 1000, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((1000, 2000, 3), np.uint8), "bgr24")))
        container.mux(stream.encode())

    problem = refusal(send(calls, (tmp_path / "large.mp4").read_bytes()), 422, "video-unreadable")
    assert said in problem["detail"]


def test_announced_as_too_large(calls: Caller) -> None:
    problem = refusal(send(calls, bytes(LIMIT_BYTES + 1)), 413, "upload-too-large")
    assert problem["limit_bytes"] == LIMIT_BYTES


@pytest.mark.parametrize("form", [False, True])
def test_too_large_without_having_said_so(calls: Caller, media_dir: Path, form: bool) -> None:
    content = (media_dir / "midroll-5s.mp4").read_bytes() + bytes(LIMIT_BYTES)
    if form:
        answer = calls.http.post("/video/submit", files={"file": content})
    else:
        pieces = (content[start : start + 65536] for start in range(0, len(content), 65536))
        answer = calls.http.post("/video/submit", content=pieces, headers={"Content-Type": "video/mp4"})
    refusal(answer, 413, "upload-too-large")


@pytest.mark.parametrize("place", ["query", "form"])
def test_unknown_pipeline(calls: Caller, media_dir: Path, place: str) -> None:
    content = (media_dir / "midroll-5s.mp4").read_bytes()
    if place == "query":
        answer = send(calls, content, pipeline="horoscope")
    else:
        answer = calls.http.post("/video/submit", files={"file": content}, data={"pipeline": "horoscope"})
    problem = refusal(answer, 422, "unknown-pipeline")
    assert "text_codes" in problem["known_pipelines"]


def test_pipeline_without_its_model(calls: Caller, media_dir: Path) -> None:
    answer = send(calls, (media_dir / "midroll-5s.mp4").read_bytes(), pipeline="objects")
    assert "objects.onnx" in refusal(answer, 422, "pipeline-unavailable")["detail"]


def test_every_wrong_option_is_named(calls: Caller, media_dir: Path) -> None:
    answer = calls.http.post(
        "/video/submit?max_frames=0&colour=red",
        files={"file": (media_dir / "midroll-5s.mp4").read_bytes()},
        data={"frame_stride": "often"},
    )
    problem = refusal(answer, 422, "invalid-options")
    assert {error["option"] for error in problem["errors"]} >= {"max_frames", "colour"}

    answer = calls.http.post(
        "/video/submit",
        files={"file": (media_dir / "midroll-5s.mp4").read_bytes()},
        data={"frame_stride": "often", "max_frames": "-1"},
    )
    problem = refusal(answer, 422, "invalid-options")
    assert {error["option"] for error in problem["errors"]} == {"frame_stride", "max_frames"}


def test_option_given_twice(calls: Caller, media_dir: Path) -> None:
    answer = calls.http.post(
        "/video/submit?pipeline=text",
        files={"file": (media_dir / "midroll-5s.mp4").read_bytes()},
        data={"pipeline": "codes"},
    )
    assert refusal(answer, 422, "invalid-options")["errors"] == [
        {"option": "pipeline", "pointer": "#/pipeline", "detail": "Given more than once."}
    ]


def test_forms_that_cannot_be_read(calls: Caller, media_dir: Path) -> None:
    content = (media_dir / "midroll-5s.mp4").read_bytes()
    missing = calls.http.post("/video/submit", files={"video": content})
    assert "'file'" in refusal(missing, 400, "upload-malformed")["detail"]

    twice = calls.http.post("/video/submit", files=[("file", content), ("file", content)])
    refusal(twice, 400, "upload-malformed")

    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
    cut_off = calls.http.post(
        "/video/submit", content=head + content, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    refusal(cut_off, 400, "upload-malformed")

    without_boundary = calls.http.post(
        "/video/submit", content=content, headers={"Content-Type": "multipart/form-data"}
    )
    refusal(without_boundary, 400, "upload-malformed")


def test_unknown_content_type(calls: Caller, media_dir: Path) -> None:
    content = (media_dir / "midroll-5s.mp4").read_bytes()
    answer = calls.http.post("/video/submit", content=content, headers={"Content-Type": "text/plain"})
    assert "video/mp4" in refusal(answer, 415, "unsupported-media")["detail"]


def test_client_that_goes_away_half_way(calls: Caller, refusing: tuple[Service, Caller], media_dir: Path) -> None:
    service, _ = refusing
    address = calls.http.base_url
    content = (media_dir / "car-detection.mp4").read_bytes()
    with socket.create_connection((address.host, address.port)) as connection:
        head = f"POST /video/submit HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\nContent-Length: {len(content)}"
        connection.sendall(head.encode() + b"\r\n\r\n" + content[:2_000_000])
        wait_until(lambda: list((service.data_dir / "files").rglob(".*.tmp")))
    wait_until(lambda: not list((service.data_dir / "files").rglob(".*.tmp")))


def test_unknown_routes_and_methods_are_problems_too(calls: Caller) -> None:
    assert calls.http.get("/nothing").headers["content-type"] == "application/problem+json"
    answer = calls.http.get("/video/submit")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    answer = calls.http.put(f"/video/jobs/{uuid4()}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET")
