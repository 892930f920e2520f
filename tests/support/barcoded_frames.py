"""Pictures that carry a number in their pixels, in a way that lossy coding does not wash out.

A picture is a grid of dark and bright cells: marks that tell which way up it is, the bits of the number, and
a checksum. A picture that is turned, flipped, torn or blurred reads as no number, hardly ever as another one.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tests.support.clips import Picture

COLUMNS, ROWS = 6, 4
_MARKS = {(0, 0): 1, (0, 1): 1, (1, 0): 0, (0, COLUMNS - 1): 0, (ROWS - 1, 0): 0, (ROWS - 1, COLUMNS - 1): 0}
_CELLS = [(row, column) for row in range(ROWS) for column in range(COLUMNS) if (row, column) not in _MARKS]
_NUMBER_BITS, _CHECK_BITS = 12, 6
_DARK_BELOW, _BRIGHT_ABOVE = 100, 155
assert len(_CELLS) == _NUMBER_BITS + _CHECK_BITS


def barcoded(number: int, width: int = 96, height: int = 64) -> Picture:
    """Make the picture of a number below 4096, with a texture that moves from number to number."""
    texture = np.roll(_texture(), (number, 2 * number), axis=(0, 1))
    tiled = np.tile(texture, (-(-height // texture.shape[0]), -(-width // texture.shape[1]), 1))[:height, :width]
    bright = np.zeros((height, width, 1), bool)
    for (row, column), bit in _bits(number).items():
        rows, columns = _cell(row, column, width, height)
        bright[rows, columns] = bit
    return np.where(bright, 255 - tiled, tiled).astype(np.uint8)


def read_number(luma: NDArray[np.uint8]) -> int | None:
    """Read the number from the upright brightness plane; None if there is none to be read."""
    height, width = luma.shape
    levels = {cell: _level(luma, *cell, width, height) for cell in [*_MARKS, *_CELLS]}
    if any(_DARK_BELOW <= level <= _BRIGHT_ABOVE for level in levels.values()):
        return None
    value = sum((levels[cell] > _BRIGHT_ABOVE) << place for place, cell in enumerate(_CELLS))
    number = value & ((1 << _NUMBER_BITS) - 1)
    as_read = {cell: int(level > _BRIGHT_ABOVE) for cell, level in levels.items()}
    return number if as_read == _bits(number) else None


def _bits(number: int) -> dict[tuple[int, int], int]:
    assert 0 <= number < 1 << _NUMBER_BITS
    value = number | _checksum(number) << _NUMBER_BITS
    return _MARKS | {cell: value >> place & 1 for place, cell in enumerate(_CELLS)}


def _checksum(number: int) -> int:
    return (number * 0x9E37 >> 5 ^ number) % 61


def _cell(row: int, column: int, width: int, height: int) -> tuple[slice, slice]:
    return (
        slice(row * height // ROWS, (row + 1) * height // ROWS),
        slice(column * width // COLUMNS, (column + 1) * width // COLUMNS),
    )


def _level(luma: NDArray[np.uint8], row: int, column: int, width: int, height: int) -> float:
    """Return the mean brightness of the middle of a cell."""
    rows, columns = _cell(row, column, width, height)
    tall, wide = (rows.stop - rows.start) // 4, (columns.stop - columns.start) // 4
    return float(luma[rows.start + tall : rows.stop - tall, columns.start + wide : columns.stop - wide].mean())


@cache
def _texture() -> NDArray[np.uint8]:
    """Coloured blocks of 4x4 pixels, dark enough to leave a cell dark."""
    blocks = np.random.default_rng(5).integers(0, 70, (8, 12, 3), dtype=np.uint8)
    return blocks.repeat(4, axis=0).repeat(4, axis=1)
