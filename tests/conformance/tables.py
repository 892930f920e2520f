"""Tables of frames, compared."""

from collections.abc import Sequence

from tests.support.reference import Row


def assert_same(found: Sequence[Row], expected: Sequence[Row]) -> None:
    """Compare two tables column by column: a difference says of which kind it is."""
    assert [row.index for row in found] == [row.index for row in expected]
    assert [row.time for row in found] == [row.time for row in expected]
    assert [row.luma for row in found] == [row.luma for row in expected]
    assert [row.bgr for row in found] == [row.bgr for row in expected]
