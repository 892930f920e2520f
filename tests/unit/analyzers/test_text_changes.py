"""What counts as a visible change, and what is read again for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reelwork.analyzers.builtin.text.changes import VISIBLE, areas_to_read, visible_differences
from reelwork.analyzers.builtin.text.changes import changed_areas as changed_where_visible
from reelwork.analyzers.builtin.text.windows import Window

Plane = NDArray[np.uint8]


def plane(width: int = 100, height: int = 70) -> Plane:
    return np.full((height, width), 128, np.uint8)


def changed(before: Plane, left: int, top: int, width: int, height: int, by: int) -> Plane:
    now = before.copy()
    now[top : top + height, left : left + width] += np.uint8(by)
    return now


def changed_areas(before: Plane, now: Plane) -> list[Window]:
    return changed_where_visible(before, now, visible_differences(before, []))


def test_equal_pictures_have_no_changes() -> None:
    assert changed_areas(plane(), plane()) == []


def test_faint_differences_everywhere_are_not_visible() -> None:
    noise = np.random.default_rng(1).integers(-VISIBLE, VISIBLE + 1, (70, 100))
    assert changed_areas(plane(), (128 + noise).astype(np.uint8)) == []


@pytest.mark.parametrize(("by", "seen"), [(VISIBLE, False), (VISIBLE + 10, True)])
def test_a_spot_is_visible_from_a_difference_on(by: int, seen: bool) -> None:
    assert bool(changed_areas(plane(), changed(plane(), 40, 40, 6, 6, by))) is seen


def test_less_is_visible_of_faint_lines() -> None:
    faint = changed(plane(), 40, 40, 20, 8, 20)
    visible = visible_differences(faint, [Window(36, 36, 64, 52), Window(90, 60, 120, 90)])
    assert changed_where_visible(faint, plane(), visible) != []
    assert (visible[:30] == VISIBLE).all()
    assert (visible[65:, 95:] < VISIBLE).all()


def test_changes_apart_are_areas_apart() -> None:
    now = changed(changed(plane(), 2, 2, 8, 8, 100), 70, 50, 8, 8, 100)
    first, second = changed_areas(plane(), now)
    assert first == Window(0, 0, 16, 16)
    assert (second.left, second.top) == (64, 48)


@given(st.integers(5, 90), st.integers(5, 90), st.data())
def test_areas_hold_the_change_and_lie_in_the_picture(width: int, height: int, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, width - 5)), data.draw(st.integers(0, height - 5))
    before = plane(width, height)
    (area,) = changed_areas(before, changed(before, left, top, 5, 5, 100))
    assert 0 <= area.left <= left
    assert left + 5 <= area.right <= width
    assert 0 <= area.top <= top
    assert top + 5 <= area.bottom <= height


def test_areas_grow_to_the_lines_they_touch() -> None:
    line, other = Window(20, 20, 300, 40), Window(20, 60, 300, 80)
    assert areas_to_read([Window(96, 16, 112, 32)], [line, other]) == [Window(20, 16, 300, 40)]


def test_a_word_beside_a_line_belongs_to_it() -> None:
    line, word = Window(20, 20, 300, 40), Window(308, 20, 340, 40)
    assert areas_to_read([word], [line]) == [Window(20, 20, 340, 40)]


def test_areas_that_grow_into_each_other_are_one() -> None:
    line = Window(20, 20, 300, 40)
    ends = [Window(10, 16, 32, 32), Window(290, 16, 310, 32)]
    assert areas_to_read(ends, [line]) == [Window(10, 16, 310, 40)]


_windows = st.builds(
    lambda left, top, width, height: Window(left, top, left + width, top + height),
    *(st.integers(0, 200), st.integers(0, 200), st.integers(1, 60), st.integers(1, 60)),
)


@given(st.lists(_windows, max_size=8), st.lists(_windows, max_size=8))
def test_nothing_touched_is_left_out_and_nothing_read_twice(areas: list[Window], lines: list[Window]) -> None:
    read = areas_to_read(areas, lines)
    assert all(any(whole.united(area) == whole for whole in read) for area in areas)
    for whole in read:
        assert all(whole.united(line) == whole for line in lines if whole.touches(line))
        assert not any(whole.touches(other) for other in read if other is not whole)
