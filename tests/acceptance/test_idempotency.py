"""A submit that is sent again under its Idempotency-Key makes no second job."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from reelwork.db.engine import Database
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.concurrency import in_threads
from tests.support.databases import opened, rows, sqlite_url
from tests.support.service import Caller, Service
from tests.support.uploads import let_key_run_out
from tests.support.waiting import wait_until
from tests.support.warm_start import Nursery

IN_USE = (409, "urn:reelwork:problem:idempotency-key-in-use")
REUSED = (422, "urn:reelwork:problem:idempotency-key-reused")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[tuple[Service, str]]:
    service = Service(tmp_path_factory.mktemp("serving") / "data", nursery=nursery)
    yield service, service.start("serve", "--port", "0").url()
    service.close()


@pytest.fixture
def served(serving: tuple[Service, str]) -> Service:
    return serving[0]


@pytest.fixture
def calls(serving: tuple[Service, str], caller: Callable[[str], Caller]) -> Caller:
    return caller(serving[1])


@pytest.fixture
def database(served: Service) -> Iterator[Database]:
    with opened(sqlite_url(served.data_dir / "reelwork.db")) as database:
        yield database


@pytest.fixture
def clip(media_dir: Path) -> bytes:
    return (media_dir / "midroll-5s.mp4").read_bytes()


@pytest.fixture
def key() -> str:
    return str(uuid4())


def send(
    http: httpx.Client, key: str, content: bytes, *, pipeline: str = "frames", form: bool = False, **options: str
) -> httpx.Response:
    query = {"pipeline": pipeline, **options}
    if form:
        headers = {"Idempotency-Key": key}
        return http.post("/video/submit", data=query, files={"file": content}, headers=headers)
    headers = {"Idempotency-Key": key, "Content-Type": "video/mp4"}
    return http.post("/video/submit", params=query, content=content, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"]


def jobs(database: Database) -> int:
    return len(rows(database, "SELECT job_id FROM job"))


def test_the_same_request_again_gives_the_same_job(
    served: Service, calls: Caller, database: Database, key: str, clip: bytes
) -> None:
    first = send(calls.http, key, clip, frame_stride="2")
    assert first.status_code == 202
    jobs_before, files_before = jobs(database), served.stored_files()
    again = send(calls.http, key, clip, frame_stride="2")
    as_form = send(calls.http, f'"{key}"', clip, frame_stride="2", form=True)
    for answer in (again, as_form):
        assert (answer.status_code, answer.json()) == (202, first.json())
        assert answer.headers["Location"] == first.headers["Location"]
        assert answer.headers["Retry-After"]
    assert (jobs(database), served.stored_files()) == (jobs_before, files_before)


def test_another_file_or_other_options_are_refused(
    served: Service, calls: Caller, database: Database, key: str, clip: bytes
) -> None:
    first = send(calls.http, key, clip)
    jobs_before, files_before = jobs(database), served.stored_files()
    assert told(send(calls.http, key, clip + b"x")) == REUSED
    assert told(send(calls.http, key, clip, frame_stride="2")) == REUSED
    assert told(send(calls.http, key, clip, pipeline="text", form=True)) == REUSED
    assert (jobs(database), served.stored_files()) == (jobs_before, files_before)
    assert send(calls.http, key, clip).json() == first.json()


def test_of_many_at_once_one_makes_the_job(
    calls: Caller, database: Database, key: str, clip: bytes, caller: Callable[[str], Caller]
) -> None:
    before = jobs(database)
    callers = [caller(str(calls.http.base_url)) for _ in range(8)]
    answers = in_threads(8, lambda number: send(callers[number].http, key, clip))
    accepted = {answer.json()["job_id"] for answer in answers if answer.status_code == 202}
    assert len(accepted) == 1
    for answer in answers:
        if answer.status_code != 202:
            assert told(answer) == IN_USE
            assert answer.headers["Retry-After"]
    assert jobs(database) == before + 1
    assert send(calls.http, key, clip).json() == {"job_id": accepted.pop()}


def test_while_the_first_arrives_the_second_waits(
    served: Service, calls: Caller, database: Database, key: str, clip: bytes
) -> None:
    head = (
        "POST /video/submit?pipeline=frames HTTP/1.1\r\nHost: x\r\nContent-Type: video/mp4\r\n"
        f"Idempotency-Key: {key}\r\nContent-Length: {len(clip)}\r\n\r\n"
    )
    with socket.create_connection((calls.http.base_url.host, calls.http.base_url.port or 0)) as first:
        first.sendall(head.encode() + clip[:5000])
        wait_until(lambda: list((served.data_dir / "files").rglob(".*.tmp")))
        assert told(send(calls.http, key, clip)) == IN_USE
    wait_until(lambda: not list((served.data_dir / "files").rglob(".*.tmp")))
    # It went away half way: the key is free again.
    assert wait_until(lambda: send(calls.http, key, clip).status_code == 202)


def test_a_refused_request_frees_the_key(calls: Caller, key: str, clip: bytes) -> None:
    assert send(calls.http, key, clip[:7000]).status_code == 422
    assert send(calls.http, key, b"not an MP4 at all").status_code == 415
    assert send(calls.http, key, clip, pipeline="horoscope").status_code == 422
    assert send(calls.http, key, clip, frame_stride="often").status_code == 422
    assert send(calls.http, key, clip).status_code == 202


def test_the_answer_stays_the_same_when_the_job_was_deleted(
    calls: Caller, database: Database, key: str, clip: bytes
) -> None:
    first = send(calls.http, key, clip).json()
    JobStore(database, DatabaseQueue(database)).delete(UUID(first["job_id"]))
    assert send(calls.http, key, clip).json() == first
    assert calls.http.get(f"/video/status/{first['job_id']}").status_code == 404


def test_a_key_whose_time_is_over_is_like_a_new_one(calls: Caller, database: Database, key: str, clip: bytes) -> None:
    first = send(calls.http, key, clip).json()
    let_key_run_out(database, key)
    second = send(calls.http, key, clip + bytes(8)).json()
    assert second["job_id"] != first["job_id"]


@pytest.mark.parametrize("key", ["", '""', '"' + "x" * 256 + '"', "x" * 256, '"half', "caf\xe9"])
def test_keys_that_cannot_be_read(calls: Caller, key: str, clip: bytes) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1"), "Content-Type": "video/mp4"}
    answer = calls.http.post("/video/submit", content=clip, headers=headers)  # type: ignore[arg-type]
    assert told(answer) == (400, "urn:reelwork:problem:upload-malformed")


def test_the_answer_outlives_the_server(
    service: Service, key: str, clip: bytes, caller: Callable[[str], Caller]
) -> None:
    server = service.start("serve", "--port", "0")
    first = send(caller(server.url()).http, key, clip)
    server.kill()
    again = send(caller(service.start("serve", "--port", "0").url()).http, key, clip)
    assert (again.status_code, again.json()) == (202, first.json())
