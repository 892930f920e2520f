"""The video of a job over HTTP: the file, whole and in parts, and single frames."""

from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import cv2
import numpy as np
import pytest

from tests.support.clips import encode_clip, marked_corner, with_rotation
from tests.support.service import Caller, Service


@pytest.fixture(scope="module")
def timed(up: Caller, media_dir: Path) -> UUID:
    """A completed job on the clip that shows each frame's time."""
    job_id = up.submit(media_dir / "burned-in-time-15fps.mp4", frame_stride=2)
    up.wait_for(job_id, "completed")
    return job_id


@pytest.fixture(scope="module")
def pictures(media_dir: Path) -> list[np.ndarray]:
    """Every frame of that clip, as PyAV decodes them."""
    with av.open(str(media_dir / "burned-in-time-15fps.mp4")) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:reelwork:problem:{name}"
    return answer.json()  # type: ignore[no-any-return]


class TestMedia:
    @pytest.fixture
    def url(self, timed: UUID) -> str:
        return f"/video/jobs/{timed}/media"

    @pytest.fixture
    def content(self, media_dir: Path) -> bytes:
        return (media_dir / "burned-in-time-15fps.mp4").read_bytes()

    def test_whole(self, up: Caller, url: str, content: bytes) -> None:
        answer = up.http.get(url)
        assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "video/mp4", content)
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["etag"] == f'"{sha256(content).hexdigest()}"'
        head = up.http.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(content)))
        assert head.headers["etag"] == answer.headers["etag"]

    @pytest.mark.parametrize(
        ("asked", "part"),
        [("0-9", slice(0, 10)), ("1000-", slice(1000, None)), ("-7", slice(-7, None)), ("5-99999999", slice(5, None))],
    )
    def test_part(self, up: Caller, url: str, content: bytes, asked: str, part: slice) -> None:
        answer = up.http.get(url, headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.content) == (206, content[part])
        start, stop, _ = part.indices(len(content))
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
        assert answer.headers["content-length"] == str(stop - start)

    def test_behind_the_end(self, up: Caller, url: str, content: bytes) -> None:
        answer = up.http.get(url, headers={"Range": f"bytes={len(content)}-"})
        problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{len(content)}"

    def test_if_range(self, up: Caller, url: str, content: bytes) -> None:
        tag = up.http.head(url).headers["etag"]
        assert up.http.get(url, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
        assert up.http.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).content == content

    def test_what_the_client_has_is_not_sent_again(self, up: Caller, url: str) -> None:
        tag = up.http.head(url).headers["etag"]
        answer = up.http.get(url, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")

    def test_a_video_that_is_gone(self, up: Caller, shared_service: Service, media_dir: Path) -> None:
        job_id = up.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        up.wait_for(job_id, "completed")
        (shared_service.data_dir / "files" / "video_jobs" / f"{job_id}.mp4").unlink()
        problem(up.http.get(f"/video/jobs/{job_id}/media"), 404, "video-gone")
        problem(up.http.get(f"/video/jobs/{job_id}/frames/0.jpg"), 404, "video-gone")

    def test_results_that_are_gone(self, up: Caller, shared_service: Service, media_dir: Path) -> None:
        job_id = up.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        up.wait_for(job_id, "completed")
        (results,) = (shared_service.data_dir / "files" / "video_results" / str(job_id)).iterdir()
        results.unlink()
        for path in (f"results/{job_id}", f"jobs/{job_id}/intervals", f"jobs/{job_id}/frames/0.jpg?boxes=true"):
            problem(up.http.get(f"/video/{path}"), 404, "results-gone")


class TestFrames:
    def test_each_is_the_one_of_its_number(self, up: Caller, timed: UUID, pictures: list[np.ndarray]) -> None:
        for number, expected in enumerate(pictures):
            shown = _picture(up.http.get(f"/video/jobs/{timed}/frames/{number}.jpg").content)
            differences = [_difference(shown, other) for other in pictures]
            assert differences.index(min(differences)) == number
            assert _difference(shown, expected) < 3

    def test_a_number_behind_the_last(self, up: Caller, timed: UUID, pictures: list[np.ndarray]) -> None:
        for number in (len(pictures), 10**9):
            problem(up.http.get(f"/video/jobs/{timed}/frames/{number}.jpg"), 404, "frame-not-found")

    def test_scaled_down_never_up(self, up: Caller, timed: UUID) -> None:
        url = f"/video/jobs/{timed}/frames/3.jpg"
        assert _picture(up.http.get(url, params={"width": 320}).content).shape == (180, 320, 3)
        assert _picture(up.http.get(url, params={"width": 5000}).content).shape == (720, 1280, 3)
        small, large = (len(up.http.get(url, params={"quality": quality}).content) for quality in (10, 95))
        assert small < large / 2

    def test_upright(self, up: Caller, tmp_path: Path) -> None:
        clip = with_rotation(encode_clip(tmp_path / "turned.mp4", [marked_corner()] * 3), 90)
        job_id = up.submit(clip, pipeline="frames")
        shown = _picture(up.http.get(f"/video/jobs/{job_id}/frames/1.jpg").content)
        assert shown.shape == (64, 48, 3)
        assert shown[10, 36].min() > 200  # what was top left is top right
        assert shown[10, 12].max() < 60

    def test_what_was_found_is_drawn(self, up: Caller, timed: UUID, pictures: list[np.ndarray]) -> None:
        url = f"/video/jobs/{timed}/frames/4.jpg"
        plain, drawn = _picture(up.http.get(url).content), _picture(up.http.get(f"{url}?boxes=true").content)
        changed = np.abs(plain.astype(int) - drawn).max(axis=2) > 60
        [entry] = [entry for entry in up.results(timed) if entry["frame_index"] == 4]
        assert entry["result"]["text"]
        for item in entry["result"]["text"]:
            x, y = (int(value * side) for value, side in zip(item["polygon"][2], (1279, 719), strict=True))
            assert changed[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4].any()
        assert changed.mean() < 0.2
        assert up.http.get(f"{url}?boxes=true&node=text").content == up.http.get(f"{url}?boxes=true").content

    def test_there_is_nothing_to_draw(self, up: Caller, timed: UUID) -> None:
        problem(up.http.get(f"/video/jobs/{timed}/frames/5.jpg?boxes=true"), 404, "frame-not-analysed")
        told = problem(up.http.get(f"/video/jobs/{timed}/frames/4.jpg?boxes=true&node=codes"), 422, "invalid-options")
        assert told["errors"][0]["pointer"] == "#/node"

    def test_what_the_client_has_is_not_sent_again(self, up: Caller, timed: UUID) -> None:
        url = f"/video/jobs/{timed}/frames/4.jpg"
        first = up.http.get(url)
        assert first.headers["content-type"] == "image/jpeg"
        assert "private" in first.headers["cache-control"]
        assert up.http.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        assert up.http.get(f"{url}?width=99").headers["etag"] != first.headers["etag"]

    @pytest.mark.parametrize("query", ["width=1", "quality=0", "boxes=perhaps", "colour=red"])
    def test_options_that_are_wrong(self, up: Caller, timed: UUID, query: str) -> None:
        told = problem(up.http.get(f"/video/jobs/{timed}/frames/4.jpg?{query}"), 422, "invalid-options")
        assert told["errors"][0]["option"] == query.split("=")[0]


def _picture(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())
