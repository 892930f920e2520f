"""Everything one can ask about jobs and do with them, over HTTP, with real clips."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import pytest

from tests.support.clips import encode_clip, numbered
from tests.support.deliveries import SECRET
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def timed(up: Caller, media_dir: Path) -> UUID:
    """A completed job on the clip that shows each frame's time."""
    job_id = up.submit(
        media_dir / "burned-in-time-15fps.mp4",
        frame_stride=2,
        tags="burned-in, time",
        external_id="clip 15",
        params='{"text": {"min_confidence": 0.6}}',
        retention_s=86400,
    )
    up.wait_for(job_id, "completed")
    return job_id


def detail(up: Caller, job_id: UUID) -> dict[str, Any]:
    answer = up.http.get(f"/video/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:reelwork:problem:{name}"
    return answer.json()  # type: ignore[no-any-return]


class TestDetail:
    def test_tells_everything(self, up: Caller, timed: UUID, media_dir: Path) -> None:
        told = detail(up, timed)
        size = (media_dir / "burned-in-time-15fps.mp4").stat().st_size
        assert (told["status"], told["progress"], told["attempt"]) == ("completed", 1.0, 1)
        assert told["attempts"] == {"count": 1, "lost": []}
        assert (told["bytes"], told["source"]["bytes"], told["source"]["expected_frames"]) == (size, size, 15)
        assert len(told["source"]["sha256"]) == 64
        assert told["options"] == {"frame_stride": 2}
        assert told["pipeline"]["nodes"]["text"]["with"]["min_confidence"] == 0.6
        assert (told["tags"], told["external_id"], told["owner"]) == (["burned-in", "time"], "clip 15", None)
        assert told["frames"] == {"analysed": 8}
        assert told["provenance"]["nodes"]["text"]["models"]
        assert told["timings"]["ran_s"] > 0
        assert told["timings"]["finished_at"] < told["expires_at"]
        assert (told["retention_s"], told["webhook"], told["error"]) == (86400.0, None, None)
        assert told["links"] == {
            "self": f"/video/jobs/{timed}",
            "status": f"/video/status/{timed}",
            "results": f"/video/results/{timed}",
            "media": f"/video/jobs/{timed}/media",
        }

    def test_counts_no_frames_before_the_end(self, service: Service, caller: Any, media_dir: Path) -> None:
        calls = caller(service.start("serve", "--port", "0", REELWORK_WEBHOOK_SECRET=SECRET).url())
        job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames", webhook_url="https://example.org/hook")
        told = detail(calls, job_id)
        assert (told["status"], told["progress"], told["frames"], told["expires_at"]) == ("pending", 0.0, None, None)
        assert told["webhook"] == {
            "url": "https://example.org/hook",
            "state": "waiting",
            "attempts": 0,
            "next_attempt_at": None,
        }

    def test_a_job_there_is_not(self, up: Caller) -> None:
        for path in ("", "/media", "/frames/0.jpg"):
            problem(up.http.get(f"/video/jobs/{uuid4()}{path}"), 404, "job-not-found")
        problem(up.http.post(f"/video/jobs/{uuid4()}/retry"), 404, "job-not-found")
        problem(up.http.delete(f"/video/jobs/{uuid4()}"), 404, "job-not-found")


class TestDryRun:
    def test_counts_and_estimates_and_keeps_nothing(
        self, up: Caller, shared_service: Service, media_dir: Path, timed: UUID
    ) -> None:
        files, jobs = shared_service.stored_files(), up.http.get("/video/jobs").json()["jobs"]
        with (media_dir / "hevc-bframes.mp4").open("rb") as clip:
            told = up.http.post(
                "/video/submit",
                files={"file": clip},
                data={
                    "dry_run": "true",
                    "frame_stride": "3",
                    "params": '{"text": {"max_side": 640}}',
                    # As a browser sends what nobody filled in.
                    **dict.fromkeys(["pipeline", "every_s", "ranges", "tags", "external_id"], ""),
                },
            )
        assert told.status_code == 200, told.text
        plan = told.json()
        with av.open(str(media_dir / "hevc-bframes.mp4")) as container:
            frames = sum(1 for _ in container.decode(video=0))
        assert plan["frames_in_video"] == frames
        assert plan["frames_to_analyse"] == -(-frames // 3)
        assert plan["estimated_from"] >= 1
        assert plan["estimated_s"] > 0
        assert plan["source"]["codec"] == "hevc"
        assert plan["definition"]["nodes"]["text"]["with"]["max_side"] == 640
        assert shared_service.stored_files() == files
        assert up.http.get("/video/jobs").json()["jobs"] == jobs

    def test_without_history_there_is_no_estimate(self, up: Caller, media_dir: Path) -> None:
        content = (media_dir / "midroll-5s.mp4").read_bytes()
        plan = up.http.post(
            "/video/submit",
            params={"dry_run": "true", "pipeline": "scenes", "ranges": '[{"start_s": 1, "end_s": 2}]'},
            content=content,
            headers={"Content-Type": "video/mp4"},
        ).json()
        assert (plan["frames_in_video"], plan["frames_to_analyse"]) == (125, 25)
        assert (plan["estimated_s"], plan["estimated_from"]) == (None, 0)

    def test_leaves_its_idempotency_key_to_the_submit_it_was_for(self, up: Caller, media_dir: Path) -> None:
        content = (media_dir / "midroll-5s.mp4").read_bytes()
        headers = {"Content-Type": "video/mp4", "Idempotency-Key": f'"{uuid4()}"'}
        answers = [
            up.http.post("/video/submit", params={"pipeline": "frames", **more}, content=content, headers=headers)
            for more in ({"dry_run": "true"}, {"dry_run": "true"}, {}, {})
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 202, 202]
        assert answers[2].json() == answers[3].json()

    def test_says_when_only_decoding_can_tell(self, up: Caller, tmp_path: Path) -> None:
        encode_clip(tmp_path / "old.mp4", numbered(5), codec="mpeg4")
        plan = up.http.post(
            "/video/submit?dry_run=true&pipeline=frames",
            content=(tmp_path / "old.mp4").read_bytes(),
            headers={"Content-Type": "video/mp4"},
        ).json()
        assert (plan["frames_in_video"], plan["frames_to_analyse"], plan["estimated_s"]) == (None, None, None)
        assert "only when they are decoded" in plan["warnings"][0]


class TestRetryAndDelete:
    @pytest.fixture
    def failed(self, up: Caller, media_dir: Path) -> UUID:
        """A job whose ranges hold no frame."""
        job_id = up.submit(media_dir / "midroll-5s.mp4", pipeline="frames", ranges='[{"start_s": 1000}]')
        assert "picks no frame" in up.error(job_id)
        return job_id

    def test_a_failed_job_is_run_again(self, up: Caller, failed: UUID) -> None:
        def started_at() -> datetime:
            return datetime.fromisoformat(detail(up, failed)["timings"]["started_at"])

        began = started_at()
        assert detail(up, failed)["links"]["retry"] == f"/video/jobs/{failed}/retry"
        answer = up.http.post(f"/video/jobs/{failed}/retry")
        assert (answer.status_code, answer.headers["location"]) == (202, f"/video/status/{failed}")
        wait_until(lambda: started_at() > began)
        up.wait_for(failed, "failed")

    def test_no_other_is(self, up: Caller, timed: UUID) -> None:
        told = problem(up.http.post(f"/video/jobs/{timed}/retry"), 409, "job-not-failed")
        assert told["job_status"] == "completed"

    def test_a_deleted_job_is_gone_with_its_files(self, up: Caller, shared_service: Service, failed: UUID) -> None:
        assert [name for name in shared_service.stored_files() if str(failed) in name]
        answer = up.http.delete(f"/video/jobs/{failed}")
        assert (answer.status_code, answer.content) == (204, b"")
        problem(up.http.get(f"/video/status/{failed}"), 404, "job-not-found")
        assert not [name for name in shared_service.stored_files() if str(failed) in name]

    def test_a_running_job_is_taken_from_its_worker(self, service: Service, caller: Any, media_dir: Path) -> None:
        service.environment = {"REELWORK_LEASE_S": "2"}
        service.write_pipeline("slow", "pause")
        calls = caller(service.run())
        job_id = calls.submit(media_dir / "midroll-5s.mp4", pipeline="slow")
        calls.wait_for(job_id, "running")
        assert calls.http.delete(f"/video/jobs/{job_id}").status_code == 204
        after = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames")
        calls.wait_for(after, "completed")
        assert not [name for name in service.stored_files() if str(job_id) in name]


@pytest.fixture(scope="module")
def listed(up: Caller, media_dir: Path) -> list[UUID]:
    """Seven jobs of one tag, the newest first."""
    clip = media_dir / "midroll-5s.mp4"
    made = [
        up.submit(clip, pipeline="frames", max_frames=1, tags="many", external_id=f"e{number % 2}")
        for number in range(7)
    ]
    for job_id in made:
        up.wait_for(job_id, "completed")
    return made[::-1]


class TestList:
    def test_page_by_page(self, up: Caller, listed: list[UUID]) -> None:
        pages = list(_pages(up, "/video/jobs?tag=many&limit=3"))
        assert [len(page["jobs"]) for page in pages] == [3, 3, 1]
        assert [UUID(job["job_id"]) for page in pages for job in page["jobs"]] == listed
        assert pages[0]["jobs"][0]["tags"] == ["many"]

    def test_filters(self, up: Caller, listed: list[UUID]) -> None:
        def found(**query: str) -> list[UUID]:
            jobs = up.http.get("/video/jobs", params={"tag": "many", **query}).json()["jobs"]
            return [UUID(job["job_id"]) for job in jobs]

        assert found(external_id="e1") == listed[1::2]
        assert found(status="completed", pipeline="frames") == listed
        assert found(status="failed") == found(pipeline="text") == []

    def test_cursors_that_are_none(self, up: Caller, listed: list[UUID]) -> None:
        cursor = up.http.get("/video/jobs?tag=many&limit=1").json()["next_cursor"]
        for forged in ("", "x", cursor[:-4], cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "ü" * 8):
            answer = up.http.get("/video/jobs", params={"tag": "many", "cursor": forged})
            assert problem(answer, 422, "invalid-options")["errors"][0]["option"] == "cursor"
        answer = up.http.get("/video/jobs", params={"tag": "other", "cursor": cursor})
        problem(answer, 422, "invalid-options")

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "status=lost", "tag=", "stauts=failed", "pipeline=%00"])
    def test_queries_that_are_wrong(self, up: Caller, query: str) -> None:
        told = problem(up.http.get(f"/video/jobs?{query}"), 422, "invalid-options")
        assert told["errors"][0]["option"] == query.split("=")[0]


def _pages(up: Caller, url: str) -> Iterator[dict[str, Any]]:
    """Follow the links from page to page."""
    while True:
        answer = up.http.get(url)
        yield answer.json()
        if "next" not in answer.links:
            assert answer.json()["next_cursor"] is None
            return
        url = answer.links["next"]["url"]
