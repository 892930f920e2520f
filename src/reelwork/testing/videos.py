"""The videos that an analyzer is tried on: made by code, some of sizes that make trouble."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from reelwork.video.frame import Frame, Moment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

_RATE = 25
_WIDTH, _HEIGHT = 160, 90


@dataclass(frozen=True)
class Video:
    """A few frames.

    Attributes:
        name: What it shows.
        originals: The frames that are handed out, as often as they are needed.
        compared: Whether it is analysed again and again, under changing circumstances.
    """

    name: str
    originals: tuple[Frame, ...]
    compared: bool = False

    def frames(self, later: int = 0) -> list["WatchedFrame"]:
        """Return new frames; with ``later`` the same pictures stand further on in a video, at odd times."""
        return [WatchedFrame(original, _moved(original.moment, later)) for original in self.originals]


class WatchedFrame(Frame):
    """A frame of which can be told whether its pictures were changed and whether somebody still holds on to it."""

    __slots__ = ("__weakref__", "_buffers")

    def __init__(self, original: Frame, moment: Moment) -> None:
        """Show the picture of another frame at a moment of its own."""
        super().__init__(moment.index, moment.time, original._decoded, original._orientation)  # noqa: SLF001
        self._buffers: list[tuple[Image, Image]] = []

    def bgr(self) -> "Image":
        """Return the picture, in memory of its own."""
        if self._bgr is None:
            self._bgr = self._owned(super().bgr(), padding=0)
        return self._bgr

    def luma(self) -> "Image":
        """Return the brightness plane, in memory of its own; as of a decoded frame, its rows lie apart."""
        if self._luma is None:
            self._luma = self._owned(super().luma(), padding=7)
        return self._luma

    def is_changed(self) -> bool:
        """Tell whether a picture that was handed out is another now."""
        return any((buffer != before).any() for buffer, before in self._buffers)

    def watch(self) -> list["weakref.ref[Any]"]:
        """Return references that die with the frame and with the pictures that were handed out."""
        return [weakref.ref(self), *(weakref.ref(buffer) for buffer, _ in self._buffers)]

    def _owned(self, picture: "Image", padding: int) -> "Image":
        import numpy as np

        buffer = np.zeros((picture.shape[0], picture.shape[1] + padding, *picture.shape[2:]), np.uint8)
        owned = buffer[:, : picture.shape[1]]
        owned[:] = picture
        self._buffers.append((buffer, buffer.copy()))
        owned.flags.writeable = False
        return owned


def sample_videos(own: Sequence[Frame]) -> list[Video]:
    """Return the videos, with one of the plugin author's frames if there are any."""
    videos = [
        _video("one pixel", [_plain(1, 1, 90), _noise(1, 1, 1)]),
        _video("2x2", [_plain(2, 2, 0), _noise(2, 2, 2)]),
        _video("one column", [_noise(1, 40, 3)]),
        _video("one row", [_noise(40, 1, 4)]),
        _video("odd sizes, 33x17", [_plain(33, 17, 0), _plain(33, 17, 255), _noise(33, 17, 5)], compared=True),
        _video("portrait", [_noise(48, 96, 6), _plain(48, 96, 128)]),
        _video("a size that changes", [_noise(64, 48, 7), _noise(96, 64, 8)]),
        _video("something moves", [_scene(step) for step in (0, 1, 1, 2, 3)], compared=True),
    ]
    if own:
        videos.append(Video("your own frames", tuple(own), compared=True))
    return videos


def _moved(moment: Moment, later: int) -> Moment:
    return Moment(moment.index + later, moment.time + Fraction(later * 7, 3))


def _video(name: str, pictures: "Sequence[Image]", *, compared: bool = False) -> Video:
    frames = [_frame(picture, Moment(number, Fraction(number, _RATE))) for number, picture in enumerate(pictures)]
    return Video(name, tuple(frames), compared)


def _frame(picture: "Image", moment: Moment) -> Frame:
    """Make a frame as decoders do: brightness at full size, colour at half."""
    import av

    decoded = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
    return Frame(moment.index, moment.time, decoded)


def _plain(width: int, height: int, grey: int) -> "Image":
    import numpy as np

    return np.full((height, width, 3), grey, np.uint8)


def _noise(width: int, height: int, seed: int) -> "Image":
    import numpy as np

    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _scene(step: int) -> "Image":
    """Draw coloured things and a word on paper; things move with the step."""
    import cv2

    picture = _plain(_WIDTH, _HEIGHT, 235)
    left = 8 + 12 * step
    cv2.rectangle(picture, (left, 52), (left + 30, 82), (30, 30, 220), -1)
    cv2.circle(picture, (_WIDTH - left, 66), 14, (200, 60, 20), -1)
    cv2.putText(picture, "SAMPLE", (20, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 2, cv2.LINE_AA)
    return picture
