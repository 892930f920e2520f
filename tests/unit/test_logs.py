"""Log lines say what they are about."""

import logging
import threading
from collections.abc import Iterator

import pytest

from reelwork.logs import about, current_context, process_about
from tests.support.log_lines import lines_of

log = logging.getLogger("tests.logs")


@pytest.fixture
def lines() -> Iterator[list[dict[str, object]]]:
    with lines_of(log.name) as lines:
        yield lines


def test_line_says_what_it_is_about(lines: list[dict[str, object]]) -> None:
    with about(request_id="r"), about(job_id="j"):
        log.info("inside", extra={"frames": 3})
    log.info("outside")
    inside, outside = lines
    assert (inside["event"], inside["request_id"], inside["job_id"], inside["frames"]) == ("inside", "r", "j", 3)
    assert "job_id" not in outside
    assert "request_id" not in outside


def test_what_is_given_with_a_line_goes_first(lines: list[dict[str, object]]) -> None:
    with about(job_id="j"):
        log.info("other", extra={"job_id": "k"})
    assert lines[0]["job_id"] == "k"


def test_it_ends_with_an_exception_too() -> None:
    with pytest.raises(ValueError, match="x"), about(job_id="j"):
        raise ValueError("x")
    assert current_context() == {}


def test_other_threads_are_about_something_else(lines: list[dict[str, object]]) -> None:
    with about(job_id="j"):
        thread = threading.Thread(target=log.info, args=("elsewhere",))
        thread.start()
        thread.join()
    assert "job_id" not in lines[0]


def test_process_that_does_one_thing_says_so_in_every_thread(lines: list[dict[str, object]]) -> None:
    with process_about(job_id="j"):
        thread = threading.Thread(target=log.info, args=("elsewhere",))
        thread.start()
        thread.join()
    log.info("afterwards")
    assert lines[0]["job_id"] == "j"
    assert "job_id" not in lines[1]
