"""When deliveries are tried again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from reelwork.webhooks.schedule import HOUR_S, WAITS_S, read_retry_after, wait_after


def test_eight_attempts_in_about_a_day() -> None:
    waits = [wait_after(attempt) for attempt in range(1, 9)]
    assert waits[-1] is None
    assert 23 * HOUR_S < sum(wait or 0 for wait in waits) < 27 * HOUR_S


@pytest.mark.parametrize("attempt", range(1, len(WAITS_S) + 1))
def test_waits_differ_a_little(attempt: int) -> None:
    least = WAITS_S[attempt - 1]
    waits = [wait_after(attempt) or 0 for _ in range(100)]
    assert least <= min(waits) < max(waits) <= 1.1 * least


def test_receiver_may_ask_for_more_but_not_for_less_nor_for_ever() -> None:
    assert wait_after(1, 120) == 120
    assert (wait_after(2, 1) or 0) >= WAITS_S[1]
    assert wait_after(1, 1e9) == 8 * HOUR_S
    assert wait_after(8, 120) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("120", 120), (" 7 ", 7), ("soon", None), ("-5", None), ("1.5", None), ("²", None)],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert read_retry_after(in_an_hour) == pytest.approx(3600, abs=5)
    assert read_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
