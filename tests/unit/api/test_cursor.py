"""Cursors lead back to where they were written, and nothing else is taken for one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.api.cursor import read_cursor, write_cursor
from reelwork.errors import InvalidOptions
from reelwork.jobs.lifecycle import JobStatus
from reelwork.jobs.listing import JobFilter, Position

SETTINGS = settings(max_examples=200, deadline=None, derandomize=True, database=None)
ASKED = JobFilter(JobStatus.FAILED, tag="mine")
moments = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
positions = st.builds(Position, moments, st.uuids())


@given(positions)
@SETTINGS
def test_there_and_back(position: Position) -> None:
    assert read_cursor(write_cursor(position, ASKED), ASKED) == position


@given(positions, st.data())
@SETTINGS
def test_one_character_changed(position: Position, data: st.DataObject) -> None:
    cursor = write_cursor(position, ASKED)
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters(max_codepoint=0x17F).filter(lambda letter: letter != cursor[place]))
    with pytest.raises(InvalidOptions):
        read_cursor(cursor[:place] + other + cursor[place + 1 :], ASKED)


@given(st.text(max_size=60))
@SETTINGS
def test_anything_else(text: str) -> None:
    with pytest.raises(InvalidOptions):
        read_cursor(text, ASKED)


def test_of_another_list() -> None:
    cursor = write_cursor(Position(datetime(2024, 1, 1, tzinfo=UTC), UUID(int=7)), ASKED)
    with pytest.raises(InvalidOptions, match="no cursor of this list"):
        read_cursor(cursor, JobFilter(tag="mine"))
