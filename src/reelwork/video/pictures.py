"""One frame of a video as a JPEG, with what was found in it drawn on it if that is wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork.child_process import ChildDied, ChildProcess, with_care_after_a_crash
from reelwork.errors import DecodingStopped, FrameNotFound, VideoUnreadable
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.frame import Frame, Moment
from reelwork.video.pool import ChildPool, GivenUp
from reelwork.video.source import DecodeLimits, VideoFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

_COLOURS = ((64, 200, 64), (64, 128, 255), (255, 160, 32), (200, 64, 220), (32, 210, 230), (230, 230, 64))
"""Blue, green, red; one for each node."""

_MOST_CAPTION_CHARACTERS = 80


@dataclass(frozen=True)
class Shape:
    """Something to draw: corners in fractions of the upright frame, and what is written beside it."""

    corners: tuple[tuple[float, float], ...]
    caption: str
    group: int


@dataclass(frozen=True)
class PictureRequest:
    """Which frame of which video, and how.

    Attributes:
        number: The frame's ordinal among the frames the video presents.
        width: To scale down to; a smaller frame stays as it is.
        quality: Of the JPEG, 1..100.
        careful: Whether to number the frames as in a decode of all of them, in one thread: as a job with damage does.
        keep_damaged: When careful, also count frames that are damaged in parts.
    """

    path: Path
    number: int
    width: int | None = None
    quality: int = 90
    shapes: tuple[Shape, ...] = ()
    careful: bool = False
    keep_damaged: bool = False


class PictureMaker:
    """A few child processes that make pictures, started when first needed; safe to use from several threads."""

    def __init__(self, limits: DecodeLimits, processes: int, timeout_s: float, memory_mb: int) -> None:
        children = [_Child(f"picture-{number}", _drawing, limits) for number in range(processes)]
        self._pool = ChildPool(children, timeout_s, memory_mb)
        self.stop = self._pool.stop

    def __call__(self, request: PictureRequest) -> bytes:
        """Return the JPEG.

        Raises:
            FrameNotFound: The video has no such frame.
            VideoUnreadable: It cannot be decoded up to there, or not within the limits.
        """
        try:
            answer = with_care_after_a_crash(self._pool.ask, request)
        except GivenUp as error:
            raise VideoUnreadable(f"Decoding frame {request.number} {error}.") from error
        except ChildDied as error:
            raise VideoUnreadable(f"Frame {request.number} crashes the decoder (the process {error}).") from error
        if answer is None:
            raise FrameNotFound(request.number)
        if isinstance(answer, str):
            raise VideoUnreadable(answer)
        return answer


_Child = ChildProcess[PictureRequest, bytes | str | None]


def _drawing(limits: DecodeLimits) -> Callable[[PictureRequest], bytes | str | None]:
    import av  # noqa: F401  (loaded before the first request, not during it)
    import cv2

    cv2.setNumThreads(1)

    def answer(request: PictureRequest) -> bytes | str | None:
        try:
            return draw(request, limits)
        except (VideoUnreadable, DecodingStopped) as error:
            return str(error)

    return answer


def draw(request: PictureRequest, limits: DecodeLimits) -> bytes | None:
    """Make the picture, in this process; None when the video has no such frame.

    Raises:
        VideoUnreadable, DecodingStopped: It cannot be decoded up to there.
    """
    if not request.careful:
        try:
            with VideoFile.open(request.path, limits) as video:
                return _first(video, request)
        except DecodingUnsure:
            pass
    with VideoFile.open(request.path, limits, careful=True, keep_damaged=request.keep_damaged) as video:
        return _first(video, request)


def _first(video: VideoFile, request: PictureRequest) -> bytes | None:
    for frame in video.frames(_OneFrame(request.number)):
        return _jpeg(frame, request)
    return None


class _OneFrame:
    """Wants the frame of one number."""

    takes_all = False

    def __init__(self, number: int) -> None:
        self._number = number
        self.over = False

    def wants(self, moment: Moment, is_key: bool) -> bool:
        """Say whether this frame is wanted."""
        self.over = moment.index >= self._number
        return moment.index == self._number


def _jpeg(frame: Frame, request: PictureRequest) -> bytes:
    import cv2

    picture = frame.bgr()
    if request.width is not None and request.width < frame.width:
        height = max(1, round(frame.height * request.width / frame.width))
        picture = cv2.resize(picture, (request.width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if request.shapes:
        picture = picture.copy()
        _draw_all(picture, request.shapes)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, request.quality])
    return encoded.tobytes()


def _draw_all(picture: "Image", shapes: Sequence[Shape]) -> None:
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    line = max(1, round(min(width, height) / 250))
    size = max(10, round(min(width, height) / 28))
    font = cv2.FontFace("sans")
    for shape in shapes:
        colour = _COLOURS[shape.group % len(_COLOURS)]
        corners = np.array([(x * (width - 1), y * (height - 1)) for x, y in shape.corners]).round().astype(np.int32)
        cv2.polylines(picture, [corners.reshape(-1, 1, 2)], True, colour, line, cv2.LINE_AA)
        if shape.caption:
            _write(picture, shape.caption[:_MOST_CAPTION_CHARACTERS], corners.min(axis=0), colour, font, size)


def _write(
    picture: "Image", caption: str, corner: "NDArray[np.int32]", colour: tuple[int, int, int], font: object, size: int
) -> None:
    """Write above the corner, or in it where there is no room above, on a ground of the colour."""
    import cv2

    height, width = picture.shape[:2]
    _, _, text_width, text_height = cv2.getTextSize((width, height), caption, (0, 0), font, size)  # type: ignore[call-overload]
    left = int(min(max(corner[0], 0), max(width - text_width - 4, 0)))
    top = int(corner[1]) - text_height - 4
    top = top if top >= 0 else min(int(corner[1]), height - text_height - 4)
    cv2.rectangle(picture, (left, top), (left + text_width + 4, top + text_height + 4), colour, cv2.FILLED)
    place = (left + 2, top + 2 + round(text_height * 0.8))
    cv2.putText(picture, caption, place, (0, 0, 0), font, size)  # type: ignore[call-overload]
