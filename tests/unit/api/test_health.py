"""Checks of parts: not too often, not for too long."""

import threading
import time

import pytest

from reelwork.api.health import Finding, PartCheck, PartStatus
from reelwork.errors import ServiceUnavailable
from tests.support.concurrency import in_threads

OK = Finding(PartStatus.OK)


class Part:
    """A part that can be broken."""

    def __init__(self) -> None:
        self.looks = 0
        self.error: Exception | None = None

    def look(self) -> None:
        self.looks += 1
        if self.error is not None:
            raise self.error


def test_what_was_found_is_remembered_for_a_while() -> None:
    part = Part()
    check = PartCheck("storage", part.look, remembered_s=60, timeout_s=60)
    assert in_threads(8, lambda _: check()) == [OK] * 8
    assert part.looks == 1


def test_it_is_looked_at_again() -> None:
    part = Part()
    check = PartCheck("storage", part.look, remembered_s=0, timeout_s=60)
    assert check() == OK
    part.error = ServiceUnavailable("The file storage does not answer.")
    assert check() == Finding(PartStatus.FAILED, "The file storage does not answer.")


def test_what_nobody_foresaw_is_not_told() -> None:
    part = Part()
    part.error = RuntimeError("/srv/secret")
    found = PartCheck("storage", part.look, timeout_s=60)()
    assert found.status is PartStatus.FAILED
    assert "secret" not in (found.reason or "")


def test_part_that_hangs_has_failed_and_is_not_asked_by_more_and_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwork.api.health._REMEMBERED_S", 0)
    answer = threading.Event()
    looks: list[int] = []

    def hang() -> None:
        looks.append(1)
        answer.wait(30)

    check = PartCheck("storage", hang, timeout_s=0.05)
    began_at = time.monotonic()
    found = in_threads(8, lambda _: check())
    assert {one.status for one in found} == {PartStatus.FAILED}
    assert "has not answered for 0.05 s" in (found[0].reason or "")
    assert time.monotonic() - began_at < 5
    assert len(looks) == 1
    answer.set()
