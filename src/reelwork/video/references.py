"""What the others of a video lose if a packet is left out, as the packet itself says.

A decoder that is told to leave out frames does not tell one that no other refers to from one it could not decode,
and it gives each packet to one of its threads in turn, also one of which nothing is decoded.
H.264: ITU-T H.264, 7.3.1 and table 7-1; H.265: ITU-T H.265, 7.3.1.2 and table 7-1; the length fields and the
configurations: ISO/IEC 14496-15.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum


class Loss(IntEnum):
    """What is lost with a packet, or with a unit of it: the greater is the more."""

    NOTHING = 0
    PICTURE = 1
    """A picture that no other refers to."""
    SIDE_DATA = 2
    """Such a picture, and what the packet says besides."""
    REFERENCE = 3
    """A picture that others may refer to."""


@dataclass(frozen=True)
class References:
    """Reads the packets of one video track.

    Attributes:
        length_size: Of how many bytes is the length in front of each unit of a packet.
        loss: What is lost with a unit that begins with these two bytes.
        delimiter: A unit that says no more than that a picture is over.
    """

    length_size: int
    loss: Callable[[int, int], Loss]
    delimiter: bytes

    @classmethod
    def of(cls, codec: str, configuration: bytes | None) -> "References | None":
        """Return what reads the packets of a codec, if there is such; the configuration is its decoder's."""
        place = {"h264": 4, "hevc": 21}.get(codec)
        if place is None or not configuration or configuration[0] != 1 or len(configuration) <= place:
            return None
        length_size = (configuration[place] & 3) + 1
        if codec == "h264":
            return cls(length_size, _h264_loss, b"\x09\xf0")
        highest_layer = (configuration[place] >> 3 & 7) - 1
        return cls(length_size, lambda first, second: _hevc_loss(first, second, highest_layer), b"\x46\x01\x50")

    @property
    def nothing(self) -> bytes:
        """A packet of which nothing is decoded."""
        return len(self.delimiter).to_bytes(self.length_size, "big") + self.delimiter

    def loss_of(self, packet: "memoryview | bytes") -> Loss:
        """Say what is lost if this packet is left out: a reference, as far as can be told, if it cannot be read."""
        losses = list(self._losses(packet))
        return max(losses) if Loss.PICTURE in losses else Loss.REFERENCE

    def _losses(self, packet: "memoryview | bytes") -> Iterator[Loss]:
        place, end = 0, len(packet)
        while place + self.length_size < end:
            length = int.from_bytes(packet[place : place + self.length_size], "big")
            place += self.length_size
            if length:
                yield self.loss(packet[place], packet[place + 1] if place + 1 < end else 0)
            place += length


def _h264_loss(first: int, second: int) -> Loss:
    kind = first & 31
    if 1 <= kind <= 5:
        return Loss.REFERENCE if first & 0x60 else Loss.PICTURE
    return Loss.NOTHING if kind in (9, 12) else Loss.SIDE_DATA  # 9 and 12: a delimiter, filler


def _hevc_loss(first: int, second: int, highest_layer: int) -> Loss:
    kind, layer = first >> 1 & 63, (second & 7) - 1
    if kind <= 31:
        # One of a lower layer may be referred to from those above whatever it says.
        return Loss.PICTURE if kind <= 14 and kind % 2 == 0 and layer == highest_layer else Loss.REFERENCE
    return Loss.NOTHING if kind in (35, 38) else Loss.SIDE_DATA  # 35 and 38: a delimiter, filler
