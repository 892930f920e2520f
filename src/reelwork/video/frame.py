"""One presented frame: where it stands in the video, and its picture in the forms analyzers ask for."""

import threading
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from reelwork.video.orientation import UPRIGHT, Orientation

if TYPE_CHECKING:
    import av
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

# Formats whose first plane is 8-bit luma, so that `luma` can hand it out without a conversion.
_LUMA_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "nv21", "gray"})


_of_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a frame stands in its video.

    Attributes:
        index: 0-based ordinal among the frames the video presents.
        time: Presentation time in seconds, exact (pts times time base).
    """

    index: int
    time: Fraction


class Frame:
    """One frame as a viewer sees it: in presentation order and upright.

    Attributes:
        index: 0-based ordinal among the frames the video presents.
        time: Presentation time in seconds, exact (pts times time base).

    Pictures are made when first asked for and kept, so that all analyzers of a pipeline share them.
    They are read-only: copy one before changing it.
    """

    __slots__ = ("_bgr", "_decoded", "_luma", "_orientation", "index", "time")

    def __init__(
        self, index: int, time: Fraction, decoded: "av.VideoFrame", orientation: Orientation = UPRIGHT
    ) -> None:
        """Wrap a decoded frame; ``orientation`` says how it becomes upright."""
        self.index = index
        self.time = time
        self._decoded = decoded
        self._orientation = orientation
        self._bgr: Image | None = None
        self._luma: Image | None = None

    @classmethod
    def from_bgr(cls, image: "Image", index: int = 0, time: Fraction = Fraction(0)) -> Self:
        """Make a frame from a picture (height x width x 3, uint8, BGR): for tests and tools."""
        import av

        return cls(index, time, av.VideoFrame.from_ndarray(image, format="bgr24"))

    @property
    def moment(self) -> Moment:
        """Where the frame stands in the video."""
        return Moment(self.index, self.time)

    @property
    def time_s(self) -> float:
        """Presentation time in seconds, as the nearest double."""
        return float(self.time)

    @property
    def width(self) -> int:
        """Width in pixels of the upright picture."""
        return self._decoded.height if self._orientation.transposed else self._decoded.width

    @property
    def height(self) -> int:
        """Height in pixels of the upright picture."""
        return self._decoded.width if self._orientation.transposed else self._decoded.height

    def bgr(self) -> "Image":
        """Return the upright picture: height x width x 3, uint8, BGR, contiguous, read-only."""
        if self._bgr is None:
            self._bgr = self._upright(self._converted("bgr24"))
        return self._bgr

    def luma(self) -> "Image":
        """Return the upright brightness plane: height x width, uint8, as coded (no range expansion), read-only."""
        if self._luma is None:
            self._luma = self._upright(self._luma_as_coded())
        return self._luma

    def digest(self) -> bytes:
        """Return 16 bytes that tell whether another frame of the video has the very same pixels."""
        from xxhash import xxh3_128

        decoded = self._decoded
        meaning = (decoded.format.name, decoded.width, decoded.height, decoded.colorspace, decoded.color_range)
        hashed = xxh3_128(repr((*meaning, self._orientation)).encode())
        for number in range(len(decoded.planes)):
            hashed.update(_visible(decoded, number))  # type: ignore[arg-type]  # arrays are buffers
        return hashed.digest()

    def _luma_as_coded(self) -> "Image":
        import numpy as np

        decoded = self._decoded
        if decoded.format.name not in _LUMA_FIRST:
            # To "gray" the range of colours would be expanded; that of what is grey already would be by "yuv420p".
            decoded = _reformatted(decoded, "gray" if decoded.format.name.startswith("gray") else "yuv420p")
        plane = decoded.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
        return rows[: decoded.height, : decoded.width]  # type: ignore[no-any-return]

    def _converted(self, pixel_format: str) -> "Image":
        return _reformatted(self._decoded, pixel_format).to_ndarray()  # type: ignore[return-value]

    def _upright(self, picture: "Image") -> "Image":
        picture = self._orientation.apply(picture).view()
        picture.flags.writeable = False
        return picture

    def __repr__(self) -> str:
        return f"Frame(index={self.index}, time_s={self.time_s:.6f}, {self.width}x{self.height})"


def _reformatted(decoded: "av.VideoFrame", pixel_format: str) -> "av.VideoFrame":
    """Convert in this thread alone, with what the thread has set up for the frame before."""
    from av.video.reformatter import VideoReformatter

    if not hasattr(_of_thread, "reformatter"):
        _of_thread.reformatter = VideoReformatter()
    reformatter: VideoReformatter = _of_thread.reformatter
    return reformatter.reformat(decoded, format=pixel_format, threads=1)


def _visible(decoded: "av.VideoFrame", number: int) -> "Image":
    """Return the rows of a plane without what pads them: bytes, contiguous."""
    import numpy as np

    plane = decoded.planes[number]
    content = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    if not plane.line_size:  # a palette
        return content  # type: ignore[no-any-return]
    rows = content.reshape(-1, plane.line_size)
    return np.ascontiguousarray(rows[: plane.height, : _visible_bytes(decoded, number)])


def _visible_bytes(decoded: "av.VideoFrame", number: int) -> int:
    """Return how many bytes of a plane's row there are to see."""
    components = [one for one in decoded.format.components if one.plane == number]
    if len(components) > 1 and len(decoded.planes) == 1:
        # Packed pixels may have bytes that belong to no component, and neighbours may share their colour.
        together = 1 if all(one.width == decoded.width for one in components) else 4
        return -(-decoded.width // together) * together * decoded.format.padded_bits_per_pixel // 8
    return sum(one.width * -(-one.bits // 8) for one in components)
