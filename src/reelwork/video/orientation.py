"""How a coded picture is turned and mirrored to be upright."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """Swap rows and columns first, then mirror: quarter turns and flips are all made of these."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @classmethod
    def of(cls, decoded: "av.VideoFrame") -> "Orientation | None":
        """Read the display matrix of a decoded frame, if it has one; other angles become the nearest quarter turn."""
        matrix: Any = decoded.side_data.get("DISPLAYMATRIX")
        return None if matrix is None else _of_matrix(bytes(matrix))

    def apply(self, picture: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """Return the upright picture (rows x columns, or rows x columns x channels); the same one if it is."""
        import numpy as np

        if self == UPRIGHT:
            return picture
        turned = picture.swapaxes(0, 1) if self.transposed else picture
        turned = turned[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1]
        return np.ascontiguousarray(turned)


UPRIGHT = Orientation()


@lru_cache(maxsize=8)
def _of_matrix(matrix: bytes) -> Orientation:
    """Nine numbers; a point (x, y) is shown at (a x + c y, b x + d y)."""
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, mirrored_x=c < 0, mirrored_y=b < 0)
    return Orientation(mirrored_x=a < 0, mirrored_y=d < 0)
