"""Webhooks from real processes to real receivers."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from standardwebhooks import Webhook

from reelwork.db.types import database_now
from reelwork.jobs.store import JobStore
from reelwork.queues.database import DatabaseQueue
from tests.support.databases import opened, sqlite_url
from tests.support.deliveries import SECRET, due
from tests.support.job_rows import row_of, update_row
from tests.support.receivers import Received, receiving
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until

MakeCaller = Callable[[str], Caller]
ENVIRONMENT = {"REELWORK_WEBHOOK_SECRET": SECRET, "REELWORK_WEBHOOK_ALLOW_PRIVATE": "true"}


def ask_to_be_told(service: Service, job_id: UUID, url: str) -> None:
    with opened(sqlite_url(service.data_dir / "reelwork.db")) as database:
        update_row(database, job_id, webhook_url=url)


def test_client_is_told_of_both_ends_and_of_a_retry(service: Service, caller: MakeCaller, media_dir: Path) -> None:
    service.write_pipeline("raising", "raise")
    calls = caller(service.start("serve", "--port", "0", **ENVIRONMENT).url())
    sound = calls.submit(media_dir / "midroll-5s.mp4", pipeline="frames", max_frames=3)
    broken = calls.submit(media_dir / "midroll-5s.mp4", pipeline="raising")
    with receiving() as receiver:
        for job_id in (sound, broken):
            ask_to_be_told(service, job_id, receiver.url)
        service.start("worker")
        wait_until(lambda: len(receiver.received) == 2, timeout_s=60)
        with opened(sqlite_url(service.data_dir / "reelwork.db")) as database:
            wait_until(lambda: row_of(database, broken)["webhook_due_at"] is None)
            # What `POST /video/jobs/{job_id}/retry` does.
            assert JobStore(database, DatabaseQueue(database)).retry(broken)
        wait_until(lambda: len(receiver.received) == 3, timeout_s=60)

    for request in receiver.received:
        assert Webhook(SECRET).verify(request.body, request.headers) == request.document
    by_job: dict[str, list[Received]] = {}
    for request in receiver.received:
        by_job.setdefault(request.document["data"]["job_id"], []).append(request)
    [completed] = by_job[str(sound)]
    assert completed.document["type"] == "job.completed"
    assert calls.http.get(completed.document["data"]["urls"]["results"]).status_code == 200
    first, again = by_job[str(broken)]
    assert {first.document["type"], again.document["type"]} == {"job.failed"}
    assert "the lens cap is on" in first.document["data"]["error"]
    assert first.message_id != again.message_id


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
