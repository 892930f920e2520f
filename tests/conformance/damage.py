"""Ways in which an MP4 gets damaged on its way."""

from collections.abc import Callable, Mapping
from random import Random

from tests.support.clips import boxes

_INDEX = {b"moov", b"moof"}
_TABLES = {b"stts", b"ctts", b"stss", b"stsz", b"stco", b"stsc", b"stsd", b"elst", b"tfdt", b"trun", b"tfhd", b"mdhd"}

Span = tuple[int, int]


def _spans(content: bytes, kinds: set[bytes]) -> list[Span]:
    """Where the payloads of such boxes are, if there are any; else the whole file."""
    return [(start, end) for kind, start, end in boxes(content) if kind in kinds and end > start] or [(0, len(content))]


def _truncated(content: bytearray, dice: Random) -> None:
    del content[dice.randrange(len(content)) :]


def _with_hole(content: bytearray, dice: Random) -> None:
    start = dice.randrange(len(content))
    del content[start : start + dice.choice([1, 4, 100, 2000])]


def _bits_flipped(kinds: set[bytes]) -> Callable[[bytearray, Random], None]:
    def flip(content: bytearray, dice: Random) -> None:
        start, end = dice.choice(_spans(bytes(content), kinds))
        for _ in range(dice.choice([1, 1, 3, 20])):
            content[dice.randrange(start, end)] ^= 1 << dice.randrange(8)

    return flip


def _overwritten(kinds: set[bytes], longest: int) -> Callable[[bytearray, Random], None]:
    def overwrite(content: bytearray, dice: Random) -> None:
        begin, end = dice.choice(_spans(bytes(content), kinds))
        start = dice.randrange(begin, end)
        length = min(dice.randint(1, longest), end - start)
        other = dice.randrange(len(content))
        fill = dice.choice([bytes(length), b"\xff" * length, dice.randbytes(length), content[other : other + length]])
        content[start : start + len(fill)] = fill

    return overwrite


def _number_exchanged(content: bytearray, dice: Random) -> None:
    """Put another number into a table of the index."""
    start, end = dice.choice(_spans(bytes(content), _TABLES))
    place = start + 4 * dice.randrange(max(1, (end - start) // 4))
    number = dice.choice([0, 1, dice.randrange(1 << 10), 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, dice.randrange(1 << 32)])
    content[place : place + 4] = number.to_bytes(4, "big")


def _box_mislabelled(content: bytearray, dice: Random) -> None:
    """Put a wrong size or type into the header of a box."""
    start = dice.choice([start for _, start, _ in boxes(bytes(content))])
    if dice.random() < 0.5:
        content[start - 4 : start] = dice.choice([b"free", b"moof", b"zzzz", bytes(4)])
    else:
        size = dice.choice([0, 1, 7, 8, dice.randrange(1 << 16), 0xFFFFFFFF])
        content[start - 8 : start - 4] = size.to_bytes(4, "big")


KINDS: Mapping[str, Callable[[bytearray, Random], None]] = {
    "truncated": _truncated,
    "hole": _with_hole,
    "bits flipped in the media": _bits_flipped({b"mdat"}),
    "media overwritten": _overwritten({b"mdat"}, 3000),
    "bits flipped in the index": _bits_flipped(_INDEX),
    "index overwritten": _overwritten(_INDEX, 64),
    "number exchanged in the index": _number_exchanged,
    "box mislabelled": _box_mislabelled,
}


def damaged(content: bytes, kind: str, dice: Random) -> bytes:
    """Return a damaged copy."""
    copy = bytearray(content)
    KINDS[kind](copy, dice)
    return bytes(copy)
