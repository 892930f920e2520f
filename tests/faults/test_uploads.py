"""The API, killed at every step of an upload in several requests and of a submit with a key: one job in the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from reelwork.db.engine import Database
from tests.support import steps
from tests.support.databases import rows
from tests.support.evidence import assert_rescue_leaves_no_orphan, job_rows
from tests.support.service import Caller, Service
from tests.support.uploads import SeveralRequests, let_key_run_out, let_upload_lease_run_out

KEY = "the-key"


@pytest.fixture(autouse=True)
def nothing_is_left_over(hurt: Service, database: Database) -> Iterator[None]:
    """Check, after the test, that only what belongs to the job is left once a rescue has passed."""
    yield
    assert_rescue_leaves_no_orphan(hurt, database)


def only_job(database: Database, service: Service, content: bytes) -> str:
    """Return the id of the only job there is; its video is what was sent."""
    [(job_id, row)] = job_rows(database).items()
    assert (service.data_dir / "files" / row["input_path"]).read_bytes() == content
    assert row["status"] == "pending"
    return str(job_id)


def go_on(upload: SeveralRequests, content: bytes) -> httpx.Response:
    """Ask where it stands, and send the rest."""
    offset = upload.offset()
    return upload.append(content[offset:], offset, last=True)


@pytest.mark.parametrize(
    "step", [*steps.UPLOAD, "upload.saved@2", "submit.saved", "submit.inserted", "submit.committed"]
)
def test_upload_goes_on_after_the_api_was_killed(
    step: str, hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    content = clip.read_bytes()
    name, _, nth = step.partition("@")
    api = hurt.start("serve", "--port", "0", FAULT_PLAN=f"{name}=kill@{nth or 1}")
    upload = SeveralRequests(caller(api.url()).http)
    with suppress(httpx.TransportError):
        upload.begin(content[:1000], pipeline="frames")
        go_on(upload, content)
    assert api.process.wait(10) == -9
    for row in rows(database, "SELECT upload_id FROM partial_upload WHERE lease_token IS NOT NULL"):
        let_upload_lease_run_out(database, UUID(str(row["upload_id"])))

    upload.http = caller(hurt.start("serve", "--port", "0").url()).http
    if not upload.url:
        # The client was never told of it, and begins anew.
        upload.begin(content[:1000], pipeline="frames")
    answer = go_on(upload, content)
    assert answer.status_code == 202
    assert answer.json()["job_id"] == only_job(database, hurt, content)
    assert go_on(upload, content).json() == answer.json()
    for row in rows(database, "SELECT upload_id FROM partial_upload WHERE job_id IS NULL"):
        upload.http.delete(f"/video/submit/{UUID(str(row['upload_id']))}")


def each_broken_once(broken: Sequence[str]) -> str:
    """Return a plan by which each request breaks one step further on than the one before."""
    return ",".join(f"{step}=raise" for step in broken)


def test_steps_that_break_lose_nothing_of_the_upload(
    hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    content, broken = clip.read_bytes(), (*steps.UPLOAD[1:], *steps.SUBMIT[:-1])
    calls = caller(hurt.start("serve", "--port", "0", FAULT_PLAN=each_broken_once(broken)).url())
    calls.http.headers["Connection"] = "close"  # the server does it anyway after a 500
    upload = SeveralRequests(calls.http)
    upload.begin(pipeline="frames")
    for _ in broken:
        assert go_on(upload, content).status_code == 500
        assert rows(database, "SELECT job_id FROM job") == []
    answer = go_on(upload, content)
    assert answer.status_code == 202
    assert answer.json()["job_id"] == only_job(database, hurt, content)


@pytest.mark.parametrize("step", [*steps.SUBMIT_ONCE, "submit.saved", "submit.inserted", "submit.committed"])
def test_key_makes_one_job_although_the_api_was_killed(
    step: str, hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    content = clip.read_bytes()

    def send(url: str) -> httpx.Response:
        headers = {"Idempotency-Key": KEY, "Content-Type": "video/mp4"}
        return caller(url).http.post("/video/submit?pipeline=frames", content=content, headers=headers)

    api = hurt.start("serve", "--port", "0", FAULT_PLAN=f"{step}=kill")
    with pytest.raises(httpx.TransportError):
        send(api.url())
    assert api.process.wait(10) == -9

    url = hurt.start("serve", "--port", "0").url()
    if step != "submit.committed":
        early = send(url)
        assert (early.status_code, early.json()["type"]) == (409, "urn:reelwork:problem:idempotency-key-in-use")
        let_key_run_out(database, KEY)
    answer = send(url)
    assert answer.status_code == 202
    assert answer.json()["job_id"] == only_job(database, hurt, content)


def test_steps_that_break_free_the_key(
    hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    content, broken = clip.read_bytes(), (*steps.SUBMIT_ONCE, *steps.SUBMIT[:-1])
    calls = caller(hurt.start("serve", "--port", "0", FAULT_PLAN=each_broken_once(broken)).url())
    calls.http.headers["Connection"] = "close"  # the server does it anyway after a 500
    headers = {"Idempotency-Key": KEY, "Content-Type": "video/mp4"}
    statuses = [
        calls.http.post("/video/submit?pipeline=frames", content=content, headers=headers).status_code
        for _ in (*broken, "none")
    ]
    assert statuses == [*[500] * len(broken), 202]
    only_job(database, hurt, content)
