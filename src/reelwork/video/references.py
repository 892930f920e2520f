"""Whether other frames may refer to that of a packet, as the packet itself says.

A decoder that is told to leave out the others does not tell such a frame from one that it could not decode.
H.264: ITU-T H.264, 7.3.1; H.265: ITU-T H.265, 7.3.1.2 and table 7-1; their length fields: ISO/IEC 14496-15.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class References:
    """Reads the packets of one video track.

    Attributes:
        length_size: Of how many bytes is the length in front of each unit of a packet.
        says_nothing: Whether a unit that begins with this byte is no part of a picture.
        is_referred_to: Whether other frames may refer to one with such a unit.
    """

    length_size: int
    says_nothing: Callable[[int], bool]
    is_referred_to: Callable[[int], bool]

    @classmethod
    def of(cls, codec: str, configuration: bytes | None) -> "References | None":
        """Return what reads the packets of a codec, if there is such; the configuration is its decoder's."""
        place = {"h264": 4, "hevc": 21}.get(codec)
        if place is None or not configuration or configuration[0] != 1 or len(configuration) <= place:
            return None
        length_size = (configuration[place] & 3) + 1
        if codec == "h264":
            return cls(length_size, lambda first: not 1 <= first & 31 <= 5, lambda first: first & 0x60 != 0)
        return cls(length_size, lambda first: _hevc_kind(first) > 31, lambda first: not _is_unreferred(first))

    def may_be_to(self, packet: "memoryview | bytes") -> bool:
        """Whether other frames may refer to that of this packet; so they may if it cannot be read."""
        parts = [first for first in self._units(packet) if not self.says_nothing(first)]
        return not parts or any(self.is_referred_to(first) for first in parts)

    def _units(self, packet: "memoryview | bytes") -> Iterator[int]:
        """Give the first byte of every unit."""
        place = 0
        while place + self.length_size < len(packet):
            length = int.from_bytes(packet[place : place + self.length_size], "big")
            place += self.length_size
            if length:
                yield packet[place]
            place += length


def _hevc_kind(first: int) -> int:
    return first >> 1 & 63


def _is_unreferred(first: int) -> bool:
    kind = _hevc_kind(first)
    return kind <= 14 and kind % 2 == 0
