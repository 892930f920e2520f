"""Webhooks from real processes to real receivers."""

from collections.abc import Callable
from pathlib import Path

from standardwebhooks import Webhook

from reelwork.db.types import database_now
from tests.support.databases import opened, sqlite_url
from tests.support.deliveries import SECRET, due
from tests.support.job_rows import row_of, update_row
from tests.support.receivers import Received, receiving
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until

MakeCaller = Callable[[str], Caller]
ENVIRONMENT = {"REELWORK_WEBHOOK_SECRET": SECRET, "REELWORK_WEBHOOK_ALLOW_PRIVATE": "true"}


def test_client_is_told_of_both_ends_and_of_a_retry(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.write_pipeline("raising", "raise")
    calls = caller(service.start("serve", "--port", "0", **ENVIRONMENT).url())
    service.start("worker")
    video = media_dir / "midroll-5s.mp4"
    with receiving() as receiver:
        told = {"webhook_url": receiver.url, "external_id": "film 1", "tags": "a,b"}
        sound = calls.submit(video, pipeline="frames", max_frames=3, **told)
        broken = calls.submit(video, pipeline="raising", **told)
        wait_until(lambda: len(receiver.received) == 2, timeout_s=60)
        assert calls.http.post(f"/video/jobs/{broken}/retry").status_code == 202
        wait_until(lambda: len(receiver.received) == 3, timeout_s=60)

    for request in receiver.received:
        assert Webhook(SECRET).verify(request.body, request.headers) == request.document
    by_job: dict[str, list[Received]] = {}
    for request in receiver.received:
        by_job.setdefault(request.document["data"]["job_id"], []).append(request)
    [completed] = by_job[str(sound)]
    assert completed.document["type"] == "job.completed"
    assert calls.http.get(completed.document["data"]["urls"]["results"]).status_code == 200
    assert completed.document["data"]["external_id"] == "film 1"
    assert completed.document["data"]["tags"] == ["a", "b"]
    first, again = by_job[str(broken)]
    assert {first.document["type"], again.document["type"]} == {"job.failed"}
    assert "the lens cap is on" in first.document["data"]["error"]
    assert first.message_id != again.message_id


def test_url_that_nothing_can_be_sent_to_is_refused_at_submit(
    service: Service, caller: MakeCaller, media_dir: Path
) -> None:
    def refusal(url: str, **environment: str) -> str:
        calls = caller(service.start("serve", "--port", "0", **environment).url())
        with (media_dir / "midroll-5s.mp4").open("rb") as stream:
            answer = calls.http.post("/video/submit", files={"file": stream}, data={"webhook_url": url})
        assert answer.status_code == 422, answer.text
        [mistake] = answer.json()["errors"]
        assert "webhook_url" in str(mistake)
        return str(mistake["detail"])

    assert "This service sends no webhooks" in refusal("https://hooks.example.com/x")
    private = refusal("http://169.254.169.254/latest/meta-data/", REELWORK_WEBHOOK_SECRET=SECRET)
    assert "not on the public internet" in private


def test_receiver_on_this_machine_is_not_called_unless_that_is_allowed(service: Service) -> None:
    with receiving() as receiver:
        api = service.start("serve", "--port", "0", REELWORK_WEBHOOK_SECRET=SECRET)
        api.url()
        with opened(sqlite_url(service.data_dir / "reelwork.db")) as database:
            job_id = due(database, receiver.url)
            api.wait_for_output(b'"webhook.failed"')
            assert row_of(database, job_id)["webhook_attempts"] == 1
            update_row(database, job_id, webhook_due_at=database_now(3600))
    assert receiver.received == []
    [line] = service.events("webhook.failed")
    assert "not on the public internet" in line["reason"]
    assert line["job_id"] == str(job_id)


def test_service_does_not_start_with_a_secret_that_is_none(service: Service) -> None:
    api = service.start("serve", "--port", "0", REELWORK_WEBHOOK_SECRET="secret")
    assert api.process.wait(60) == 1
    assert b"REELWORK_WEBHOOK_SECRET: each secret must be whsec_" in api.output
