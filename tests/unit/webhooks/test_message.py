"""What is told of a job."""

import json
from datetime import timedelta
from uuid import UUID

from reelwork.jobs.lifecycle import JobStatus
from reelwork.webhooks.message import body, message_id
from tests.support.deliveries import MOMENT, make_delivery

JOB = "00000000-0000-0000-0000-000000000007"


def test_completed() -> None:
    delivery = make_delivery(external_id="film 1", tags=("a", "b"))
    assert json.loads(body(delivery)) == {
        "type": "job.completed",
        "timestamp": "2024-05-06T07:08:09.123456+00:00",
        "data": {
            "job_id": JOB,
            "status": "completed",
            "external_id": "film 1",
            "tags": ["a", "b"],
            "error": None,
            "urls": {
                "status": f"/video/status/{JOB}",
                "job": f"/video/jobs/{JOB}",
                "results": f"/video/results/{JOB}",
            },
        },
    }


def test_failed() -> None:
    document = json.loads(body(make_delivery(status=JobStatus.FAILED, error_message="Es ging entzwei: ü.")))
    assert document["type"] == "job.failed"
    assert document["data"]["error"] == "Es ging entzwei: ü."
    assert "results" not in document["data"]["urls"]


def test_attempts_say_the_same_under_the_same_id() -> None:
    first, later = make_delivery(), make_delivery(attempt=3, claimed_until=MOMENT + timedelta(hours=1))
    assert (message_id(first), body(first)) == (message_id(later), body(later))


def test_another_end_and_another_job_have_another_id() -> None:
    deliveries = [
        make_delivery(),
        make_delivery(ended_at=MOMENT + timedelta(milliseconds=1)),
        make_delivery(job_id=UUID(int=8)),
    ]
    assert len({message_id(delivery) for delivery in deliveries}) == 3


def test_id_may_stand_in_what_is_signed() -> None:
    assert "." not in message_id(make_delivery())
