"""The API, killed at every step of a submit: what was answered 202 is there, and what is not there was not answered."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from reelwork.db.engine import Database
from tests.support import steps
from tests.support.databases import rows
from tests.support.evidence import assert_rescue_leaves_no_orphan, job_rows
from tests.support.service import Caller, Service


def submit_until_it_dies(calls: Caller, clip: Path) -> list[UUID]:
    """Return what was answered 202."""
    accepted = []
    while True:
        try:
            accepted.append(calls.submit(clip, pipeline="frames"))
        except httpx.TransportError:
            return accepted


def videos(service: Service) -> set[str]:
    return {name for name in service.stored_files() if name.startswith("video_jobs/")}


@pytest.mark.parametrize("step", steps.SUBMIT)
def test_killed_api_keeps_what_it_answered(
    step: str, hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    accepted: list[UUID] = []
    for nth in (1, 3):
        api = hurt.start("serve", "--port", "0", FAULT_PLAN=f"{step}=kill@{nth}")
        accepted += submit_until_it_dies(caller(api.url()), clip)
        assert api.process.wait(10) == -9

    found = job_rows(database)

    assert set(accepted) <= set(found)
    assert len(accepted) == 2
    # A job may be there that nobody was told of: the kill came between the commit and the answer.
    assert len(found) - len(accepted) == (2 if step == "submit.committed" else 0)
    assert {row["status"] for row in found.values()} == {"pending"}
    assert {row["input_path"] for row in found.values()} <= videos(hurt)

    assert_rescue_leaves_no_orphan(hurt, database)

    calls = caller(hurt.start("serve", "--port", "0").url())
    assert [calls.status(job_id)["status"] for job_id in accepted] == ["pending"] * 2


@pytest.mark.parametrize("step", steps.SUBMIT[1:-1])
def test_step_that_breaks_is_an_error_and_leaves_nothing(
    step: str, hurt: Service, database: Database, caller: Callable[[str], Caller], clip: Path
) -> None:
    url = hurt.start("serve", "--port", "0", FAULT_PLAN=f"{step}=raise").url()

    with clip.open("rb") as stream:
        answer = caller(url).http.post("/video/submit?pipeline=frames", files={"file": stream})

    assert answer.status_code == 500
    assert rows(database, "SELECT job_id FROM job") == []
    assert rows(database, "SELECT job_id FROM queue_entry") == []
    assert hurt.stored_files() == []
    assert caller(url).submit(clip, pipeline="frames")
