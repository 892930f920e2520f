"""A video that arrives in several requests, with connections that break and servers that restart in between."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from tests.support.service import Caller, Service
from tests.support.uploads import SeveralRequests
from tests.support.waiting import wait_until
from tests.support.warm_start import Nursery

IANA = "https://iana.org/assignments/http-problem-types#"
LIMIT_BYTES = 20_000_000


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[tuple[Service, str]]:
    """One API for all tests but those that hurt theirs."""
    environment = {"REELWORK_MAX_UPLOAD_BYTES": str(LIMIT_BYTES)}
    service = Service(tmp_path_factory.mktemp("serving") / "data", environment, nursery=nursery)
    yield service, service.start("serve", "--port", "0").url()
    service.close()


@pytest.fixture
def served(serving: tuple[Service, str]) -> Service:
    return serving[0]


@pytest.fixture
def calls(serving: tuple[Service, str], caller: Callable[[str], Caller]) -> Caller:
    return caller(serving[1])


@pytest.fixture
def leaves_nothing(served: Service) -> Iterator[None]:
    before = served.stored_files()
    yield
    assert served.stored_files() == before


@pytest.fixture
def upload(calls: Caller) -> SeveralRequests:
    return SeveralRequests(calls.http)


@pytest.fixture
def clip(media_dir: Path) -> bytes:
    return (media_dir / "midroll-5s.mp4").read_bytes()


def stored_video(service: Service, job_id: str) -> bytes:
    return (service.data_dir / "files" / "video_jobs" / f"{job_id}.mp4").read_bytes()


def parts(service: Service) -> list[str]:
    return [name for name in service.stored_files() if name.startswith("video_uploads/")]


def is_arriving(service: Service) -> bool:
    return any((service.data_dir / "files").glob("video_uploads/*/.*"))


def problem(answer: httpx.Response, status: int, type_: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, object] = answer.json()
    assert found["type"] == type_
    return found


def test_three_requests_make_a_job(served: Service, calls: Caller, upload: SeveralRequests, clip: bytes) -> None:
    begun = upload.begin(clip[:5000], length=len(clip), pipeline="frames")
    assert begun.status_code == 201
    assert begun.headers["Upload-Offset"] == "5000"
    assert begun.headers["Upload-Complete"] == "?0"
    assert f"max-size={LIMIT_BYTES}" in begun.headers["Upload-Limit"]

    more = upload.append(clip[5000:9000], 5000)
    assert (more.status_code, more.headers["Upload-Offset"], more.headers["Upload-Complete"]) == (204, "9000", "?0")

    asked = calls.http.head(upload.url)
    assert asked.headers["Upload-Offset"] == "9000"
    assert asked.headers["Upload-Length"] == str(len(clip))
    assert asked.headers["Upload-Complete"] == "?0"
    assert asked.headers["Cache-Control"] == "no-store"
    assert "max-age" in asked.headers["Upload-Limit"]

    done = upload.append(clip[9000:], 9000, last=True)
    assert done.status_code == 202
    assert done.headers["Upload-Complete"] == "?1"
    assert done.headers["Retry-After"]
    job_id = done.json()["job_id"]
    assert done.headers["Location"] == f"/video/status/{job_id}"
    assert stored_video(served, job_id) == clip
    assert parts(served) == []
    assert calls.http.get(f"/video/jobs/{job_id}").json()["pipeline"]["name"] == "frames"


def test_one_request_that_says_it_is_whole_is_an_ordinary_submit(calls: Caller, clip: bytes) -> None:
    headers = {"Content-Type": "video/mp4", "Upload-Complete": "?1"}
    answer = calls.http.post("/video/submit?pipeline=frames", content=clip, headers=headers)
    assert answer.status_code == 202
    assert answer.headers["Upload-Complete"] == "?1"


def test_whoever_missed_the_last_answer_learns_the_job(calls: Caller, upload: SeveralRequests, clip: bytes) -> None:
    upload.begin(clip[:9000], pipeline="frames")
    job_id = upload.append(clip[9000:], 9000, last=True).json()["job_id"]

    asked = calls.http.head(upload.url)
    assert (asked.status_code, asked.headers["Upload-Complete"]) == (204, "?1")
    assert asked.headers["Upload-Offset"] == str(len(clip))
    assert asked.headers["Location"] == f"/video/status/{job_id}"
    for again in (upload.append(clip[9000:], 9000, last=True), upload.append(b"", len(clip), last=True)):
        assert (again.status_code, again.json()["job_id"]) == (202, job_id)
        assert again.headers["Upload-Complete"] == "?1"

    late = upload.append(b"more", len(clip))
    assert problem(late, 400, IANA + "completed-upload")["job_id"] == job_id
    assert late.headers["Location"] == f"/video/status/{job_id}"


def test_a_connection_that_breaks_keeps_what_has_arrived(
    served: Service, calls: Caller, upload: SeveralRequests, clip: bytes
) -> None:
    upload.begin(pipeline="frames")
    head = (
        f"PATCH {upload.url} HTTP/1.1\r\nHost: x\r\nContent-Type: application/partial-upload\r\n"
        f"Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: {len(clip)}\r\n\r\n"
    )
    with socket.create_connection((calls.http.base_url.host, calls.http.base_url.port or 0)) as connection:
        connection.sendall(head.encode() + clip[:7000])
        wait_until(lambda: is_arriving(served))
    assert upload.offset() == 7000
    done = upload.append(clip[7000:], 7000, last=True)
    assert done.status_code == 202
    assert stored_video(served, done.json()["job_id"]) == clip


def test_a_request_that_hangs_is_over_when_its_client_asks(
    served: Service, calls: Caller, upload: SeveralRequests, clip: bytes
) -> None:
    def append_the_rest() -> httpx.Response:
        return upload.append(clip[0x1000:], 0x1000, last=True)

    upload.begin(pipeline="frames")
    head = (
        f"PATCH {upload.url} HTTP/1.1\r\nHost: x\r\nContent-Type: application/partial-upload\r\n"
        f"Upload-Offset: 0\r\nUpload-Complete: ?1\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"
    )
    with socket.create_connection((calls.http.base_url.host, calls.http.base_url.port or 0)) as hanging:
        hanging.sendall(head.encode() + clip[:0x1000] + b"\r\n")
        # What has come is stored as soon as no more does; until then it begins at another offset.
        busy = wait_until(lambda: answer if "in-use" in (answer := append_the_rest()).text else None)
        assert problem(busy, 409, "urn:reelwork:problem:upload-in-use")["detail"]
        assert busy.headers["Retry-After"]
        assert upload.offset() == 0x1000
        done = append_the_rest()
        assert done.status_code == 202
        hanging.sendall(b"0\r\n\r\n")
        assert hanging.recv(100).startswith(b"HTTP/1.1 409")
    assert stored_video(served, done.json()["job_id"]) == clip
    assert parts(served) == []


def test_it_goes_on_after_the_server_was_killed(service: Service, clip: bytes, caller: Callable[[str], Caller]) -> None:
    serving = service.start("serve", "--port", "0")
    upload = SeveralRequests(caller(serving.url()).http)
    upload.begin(clip[:4000], pipeline="frames")
    upload.append(clip[4000:8000], 4000)
    serving.kill()

    resumed = SeveralRequests(caller(service.start("serve", "--port", "0").url()).http, upload.url)
    assert resumed.offset() == 8000
    done = resumed.append(clip[8000:], 8000, last=True)
    assert done.status_code == 202
    assert stored_video(service, done.json()["job_id"]) == clip


def test_a_wrong_offset_is_told_the_right_one(upload: SeveralRequests, clip: bytes) -> None:
    upload.begin(clip[:1000])
    wrong = upload.append(clip[2000:], 2000)
    told = problem(wrong, 409, IANA + "mismatching-upload-offset")
    assert (told["expected-offset"], told["provided-offset"]) == (1000, 2000)
    assert wrong.headers["Upload-Offset"] == "1000"


@pytest.mark.usefixtures("leaves_nothing")
def test_lengths_that_do_not_agree(upload: SeveralRequests, clip: bytes) -> None:
    upload.begin(clip[:1000], length=len(clip))
    for answer in (
        upload.append(clip[1000:2000], 1000, last=True),
        upload.append(b"", 1000, **{"Upload-Length": "5"}),
        upload.append(clip[1000:] + b"more", 1000),
    ):
        problem(answer, 400, IANA + "inconsistent-upload-length")
    assert upload.offset() == 1000

    # Without a Content-Length it shows only when the bytes are there: then the upload is spoilt.
    unannounced = upload.http.patch(
        upload.url,
        content=iter([clip[1000:], b"more"]),
        headers={"Content-Type": "application/partial-upload", "Upload-Offset": "1000", "Upload-Complete": "?0"},
    )
    problem(unannounced, 400, IANA + "inconsistent-upload-length")
    assert upload.http.head(upload.url).status_code == 404


@pytest.mark.usefixtures("leaves_nothing")
def test_one_that_would_be_too_large(calls: Caller, upload: SeveralRequests, clip: bytes) -> None:
    early = upload.begin(length=LIMIT_BYTES + 1)
    problem(early, 413, "urn:reelwork:problem:upload-too-large")
    assert f"max-size={LIMIT_BYTES}" in early.headers["Upload-Limit"]

    upload.begin(clip)
    sized = upload.append(bytes(LIMIT_BYTES), len(clip))
    problem(sized, 413, "urn:reelwork:problem:upload-too-large")
    unannounced = upload.http.patch(
        upload.url,
        content=(bytes(2**20) for _ in range(20)),
        headers={
            "Content-Type": "application/partial-upload",
            "Upload-Offset": str(len(clip)),
            "Upload-Complete": "?0",
        },
    )
    problem(unannounced, 413, "urn:reelwork:problem:upload-too-large")
    assert calls.http.head(upload.url).status_code == 404


@pytest.mark.usefixtures("leaves_nothing")
def test_what_is_refused_leaves_nothing(calls: Caller, upload: SeveralRequests, clip: bytes) -> None:
    upload.begin(clip[:7000])
    refused = upload.append(b"", 7000, last=True)
    assert "truncated" in str(problem(refused, 422, "urn:reelwork:problem:video-unreadable")["detail"])
    assert refused.headers["Upload-Complete"] == "?1"
    assert calls.http.head(upload.url).status_code == 404

    no_mp4 = upload.begin(b"%PDF-1.7 something else")
    problem(no_mp4, 415, "urn:reelwork:problem:unsupported-media")

    upload.begin()
    problem(upload.append(b"", 0, last=True), 422, "urn:reelwork:problem:upload-empty")

    problem(upload.begin(clip, pipeline="horoscope"), 422, "urn:reelwork:problem:unknown-pipeline")


@pytest.mark.usefixtures("leaves_nothing")
def test_one_that_is_cancelled_is_gone(calls: Caller, upload: SeveralRequests, clip: bytes) -> None:
    upload.begin(clip[:7000])
    assert calls.http.delete(upload.url).status_code == 204
    for answer in (calls.http.head(upload.url), calls.http.delete(upload.url), upload.append(clip[7000:], 7000)):
        assert answer.status_code == 404
    problem(upload.append(clip[7000:], 7000), 404, "urn:reelwork:problem:upload-not-found")


@pytest.mark.parametrize("upload_id", [str(uuid4()), "nonsense"], ids=["unknown", "nonsense"])
def test_there_is_none_of_this_id(calls: Caller, upload_id: str) -> None:
    answer = calls.http.delete(f"/video/submit/{upload_id}")
    problem(answer, 404, "urn:reelwork:problem:upload-not-found")


def test_requests_that_do_not_say_enough(upload: SeveralRequests, clip: bytes) -> None:
    upload.begin(clip[:1000])
    problem(upload.append(b"x", 1000, **{"Content-Type": "video/mp4"}), 415, "urn:reelwork:problem:unsupported-media")
    for headers in ({"Upload-Offset": "soon"}, {"Upload-Complete": "yes"}, {"Upload-Offset": "-1"}):
        problem(upload.append(b"x", 1000, **headers), 400, "urn:reelwork:problem:upload-malformed")
    form = upload.http.post("/video/submit", files={"file": clip}, headers={"Upload-Complete": "?0"})
    problem(form, 415, "urn:reelwork:problem:unsupported-media")
    assert upload.offset() == 1000


def test_the_limits_can_be_asked_for(calls: Caller) -> None:
    answer = calls.http.options("/video/submit")
    assert answer.status_code == 204
    assert answer.headers["Accept-Patch"] == "application/partial-upload"
    assert f"max-size={LIMIT_BYTES}" in answer.headers["Upload-Limit"]


class TestWithAnIdempotencyKey:
    @pytest.fixture
    def key(self, upload: SeveralRequests) -> Iterator[dict[str, str]]:
        named = {"Idempotency-Key": f'"{uuid4()}"'}
        upload.http.headers.update(named)
        yield named
        del upload.http.headers["Idempotency-Key"]

    def test_whoever_missed_the_first_answer_finds_the_upload(
        self, upload: SeveralRequests, key: dict[str, str], clip: bytes
    ) -> None:
        upload.begin(clip[:4000], pipeline="frames")
        first = upload.url
        again = upload.begin(clip[:4000], pipeline="frames")
        assert (again.status_code, upload.url, again.headers["Upload-Offset"]) == (201, first, "4000")
        problem(upload.begin(clip[:4000], pipeline="text"), 422, "urn:reelwork:problem:idempotency-key-reused")

        upload.url = first
        job_id = upload.append(clip[4000:], 4000, last=True).json()["job_id"]
        over = upload.begin(clip[:4000], pipeline="frames")
        assert (over.status_code, upload.url, over.headers["Upload-Complete"]) == (201, first, "?1")
        assert upload.append(b"", len(clip), last=True).json() == {"job_id": job_id}

    def test_it_is_one_with_the_submit_of_the_same_file(
        self, calls: Caller, upload: SeveralRequests, key: dict[str, str], clip: bytes
    ) -> None:
        upload.begin(clip[:4000], pipeline="frames")
        send = lambda: calls.http.post(  # noqa: E731
            "/video/submit?pipeline=frames", content=clip, headers={"Content-Type": "video/mp4", **key}
        )
        problem(send(), 409, "urn:reelwork:problem:idempotency-key-in-use")
        job_id = upload.append(clip[4000:], 4000, last=True).json()["job_id"]
        assert send().json() == {"job_id": job_id}

    @pytest.mark.parametrize("end", ["cancelled", "refused"])
    def test_an_upload_that_ends_without_a_job_frees_it(
        self, calls: Caller, upload: SeveralRequests, key: dict[str, str], clip: bytes, end: str
    ) -> None:
        upload.begin(clip[:4000], pipeline="frames")
        if end == "cancelled":
            calls.http.delete(upload.url)
        else:
            assert upload.append(b"", 4000, last=True).status_code == 422
        answer = calls.http.post(
            "/video/submit?pipeline=text", content=clip, headers={"Content-Type": "video/mp4", **key}
        )
        assert answer.status_code == 202
        assert UUID(answer.json()["job_id"])

    def test_a_dry_run_leaves_nothing_and_frees_it(
        self, calls: Caller, upload: SeveralRequests, key: dict[str, str], clip: bytes, leaves_nothing: None
    ) -> None:
        for _ in range(2):
            upload.begin(clip[:4000], pipeline="frames", max_frames="3", dry_run="true")
            report = upload.append(clip[4000:], 4000, last=True)
            assert (report.status_code, report.json()["frames_to_analyse"]) == (200, 3)
            assert calls.http.head(upload.url).status_code == 404


@pytest.mark.parametrize(
    "header",
    [
        *(("Upload-Complete", wrong) for wrong in ("yes", "1", "?2")),
        *(("Upload-Length", wrong) for wrong in ("-1", "many", "1.5", "?1")),
    ],
)
def test_headers_that_say_something_else_are_refused(
    calls: Caller, header: tuple[str, str], media_dir: Path, leaves_nothing: None
) -> None:
    clip = (media_dir / "midroll-5s.mp4").read_bytes()
    answer = calls.http.post("/video/submit", content=clip, headers={"Content-Type": "video/mp4", **dict([header])})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:reelwork:problem:upload-malformed")
    assert header[0] in answer.json()["detail"]
