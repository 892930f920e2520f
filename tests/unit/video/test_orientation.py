"""How a picture is turned and mirrored, read from a display matrix."""

import struct
from itertools import product
from math import cos, radians, sin

import numpy as np
import pytest

from reelwork.video.orientation import UPRIGHT, Orientation, _of_matrix

PICTURE = np.arange(6, dtype=np.uint8).reshape(2, 3)


def matrix(a: float, b: float, c: float, d: float) -> bytes:
    """As FFmpeg keeps it: 16.16 numbers, those of the last column 2.30."""
    one = 1 << 16
    return struct.pack("=9i", *(round(number * one) for number in (a, b, 0, c, d, 0)), 3 * one, -5 * one, 1 << 30)


def shown(a: int, b: int, c: int, d: int) -> np.ndarray:
    """Put every pixel where a display matrix puts it."""
    places = {(row, column): (b * column + d * row, a * column + c * row) for row, column in np.ndindex(PICTURE.shape)}
    rows, columns = zip(*places.values(), strict=True)
    picture = np.zeros((max(rows) - min(rows) + 1, max(columns) - min(columns) + 1), np.uint8)
    for place, (row, column) in places.items():
        picture[row - min(rows), column - min(columns)] = PICTURE[place]
    return picture


UPRIGHT_ONES = [(a, 0, 0, d) for a, d in product((1, -1), repeat=2)]
TURNED_ONES = [(0, b, c, 0) for b, c in product((1, -1), repeat=2)]


@pytest.mark.parametrize("numbers", UPRIGHT_ONES + TURNED_ONES)
class TestMatrices:
    def test_every_pixel_lands_where_the_matrix_puts_it(self, numbers: tuple[int, int, int, int]) -> None:
        assert _of_matrix(matrix(*numbers)).apply(PICTURE).tolist() == shown(*numbers).tolist()

    def test_colours_go_with_their_pixels(self, numbers: tuple[int, int, int, int]) -> None:
        colours = np.dstack([PICTURE, PICTURE + 10, PICTURE + 20])
        upright = _of_matrix(matrix(*numbers)).apply(colours)
        for channel in range(3):
            assert upright[..., channel].tolist() == (shown(*numbers) + 10 * channel).tolist()

    def test_the_picture_can_be_used_like_any_other(self, numbers: tuple[int, int, int, int]) -> None:
        assert _of_matrix(matrix(*numbers)).apply(PICTURE).flags.c_contiguous

    def test_its_scale_does_not_matter(self, numbers: tuple[int, int, int, int]) -> None:
        doubled = tuple(2 * number for number in numbers)
        assert _of_matrix(matrix(*doubled)) == _of_matrix(matrix(*numbers))


def test_they_are_all_different() -> None:
    assert len({_of_matrix(matrix(*numbers)) for numbers in UPRIGHT_ONES + TURNED_ONES}) == 8


@pytest.mark.parametrize("angle", range(-180, 181, 20))
def test_other_angles_become_the_nearest_quarter_turn(angle: int) -> None:
    """Clockwise; at 45 degrees either would do."""
    a, b = cos(radians(angle)), sin(radians(angle))
    nearest = round(angle / 90) % 4
    exact = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)][nearest]
    assert _of_matrix(matrix(a, b, -b, a)) == _of_matrix(matrix(*exact))


def test_a_picture_that_is_upright_is_not_copied() -> None:
    assert UPRIGHT.apply(PICTURE) is PICTURE
    assert _of_matrix(matrix(1, 0, 0, 1)) == UPRIGHT == Orientation()
