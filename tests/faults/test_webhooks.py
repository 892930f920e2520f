"""The API, killed while it delivers: every message arrives, under the id that it had."""

from collections.abc import Callable

import pytest

from reelwork.db.engine import Database
from reelwork.db.types import database_now
from tests.support import steps
from tests.support.deliveries import SECRET, due
from tests.support.job_rows import row_of, update_row
from tests.support.receivers import receiving
from tests.support.service import Caller, Service
from tests.support.waiting import wait_until

ENVIRONMENT = {"REELWORK_WEBHOOK_SECRET": SECRET, "REELWORK_WEBHOOK_ALLOW_PRIVATE": "true"}


@pytest.mark.parametrize("step", steps.WEBHOOK)
def test_killed_api_delivers_again(step: str, hurt: Service, database: Database) -> None:
    with receiving() as receiver:
        job_id = due(database, receiver.url)
        api = hurt.start("serve", "--port", "0", FAULT_PLAN=f"{step}=kill", **ENVIRONMENT)
        assert api.process.wait(30) == -9
        assert len(receiver.received) == steps.WEBHOOK.index(step)
        assert row_of(database, job_id)["webhook_due_at"] is not None

        update_row(database, job_id, webhook_due_at=database_now(-1))  # its lease runs out
        hurt.start("serve", "--port", "0", **ENVIRONMENT)
        wait_until(lambda: row_of(database, job_id)["webhook_due_at"] is None)

    assert len(receiver.received) == steps.WEBHOOK.index(step) + 1
    assert len({request.message_id for request in receiver.received}) == 1


def test_step_that_breaks_leaves_the_delivery_for_later(
    hurt: Service, database: Database, caller: Callable[[str], Caller]
) -> None:
    with receiving() as receiver:
        jobs = [due(database, receiver.url) for _ in range(2)]
        api = hurt.start("serve", "--port", "0", FAULT_PLAN="webhook.sent=raise", **ENVIRONMENT)
        wait_until(lambda: len(receiver.received) == 2)
        wait_until(lambda: [row_of(database, job_id)["webhook_due_at"] for job_id in jobs].count(None) == 1)
        assert caller(api.url()).http.get("/healthz").status_code == 200
