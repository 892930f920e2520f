"""Black, frozen and blurred frames."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from reelwork.analyzers.analyzer import AnalyzerContext, AnalyzerSettings, Json, SequenceAnalyzer
from reelwork.analyzers.boxes import DECIMALS, clamp
from reelwork.video.frame import Frame, Moment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwork.video.frame import Image

    Blocks = NDArray[np.float32]

# Luma is coded from 16 (black) to 235 (white) in nearly every video.
_BLACK, _WHITE = 16, 235
_BLOCK_COLUMNS, _BLOCK_ROWS = 64, 36
_SHARPNESS_SIDE = 640
# Below this standard deviation, in levels of 255, there is nothing in the picture that could be sharp.
_FLAT_DEVIATION = 4.0
# Rounding to whole levels adds 1/12 to the variance of a pixel, 20 times that to the Laplacian's.
_ROUNDING_VARIANCE = 20 / 12
_BRIGHTEST = 255
# Up to here every whole number is a float32 of its own.
_EXACT = 2**24


class QualitySettings(AnalyzerSettings):
    """Settings of ``quality``."""

    black_level: float = Field(0.1, ge=0, le=1, description="A pixel up to this brightness, 0 to 1, is dark.")
    black_share: float = Field(0.98, gt=0, le=1, description="A frame is black if this share of its pixels is dark.")
    frozen_difference: float = Field(
        0.004, ge=0, le=1, description="A frame is frozen if no part of it changed by more than this, 0 to 1."
    )
    blurred_sharpness: float = Field(0.01, ge=0, le=64, description="A frame less sharp than this is blurred.")


@dataclass(frozen=True)
class Look:
    """What one frame says of itself; ``sharpness`` is None for a flat picture."""

    blocks: "Blocks"
    black: bool
    brightness: float
    sharpness: float | None


class Quality(SequenceAnalyzer):
    """Find black, frozen and blurred frames.

    Answers ``{"black", "frozen", "blurred", "brightness", "sharpness", "difference"}`` for every frame.

    ``brightness`` is the mean luma, 0 (black) to 1 (white).
    ``difference`` is the largest change of mean luma since the analysed frame before of any block of a 64 x 36
    grid, 0 to 1: small moving things count, coding noise does not. It is 0 for the first frame, which is never frozen.
    ``sharpness`` is the variance of the Laplacian (less that of rounding) divided by the variance of the luma, so
    that a picture of low contrast can be sharp. It is measured with the longer side reduced to 640 pixels, so
    that resolution does not matter. A flat picture, such as a black one, has 0 and is not called blurred.
    """

    Settings = QualitySettings
    libraries = ("numpy", "opencv-python-headless")
    by_picture = True

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        super().__init__(settings, context)
        self.begin()

    def begin(self) -> None:
        """Forget the video before."""
        self._before: Blocks | None = None

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> Look:
        """Measure the frame."""
        luma = frame.luma()
        return Look(
            blocks=_blocks(luma),
            black=_share_up_to(luma, self.settings.black_level) >= self.settings.black_share,
            brightness=clamp((_mean(luma) - _BLACK) / (_WHITE - _BLACK)),
            sharpness=_sharpness(luma),
        )

    def conclude(self, moment: Moment, observation: Look) -> Json:
        """Compare the frame with the one before; see the class for the answer."""
        first, difference = self._before is None, self._difference(observation.blocks)
        sharpness = observation.sharpness
        return {
            "black": observation.black,
            "frozen": not first and difference <= self.settings.frozen_difference,
            "blurred": sharpness is not None and sharpness < self.settings.blurred_sharpness,
            "brightness": observation.brightness,
            "sharpness": sharpness or 0.0,
            "difference": difference,
        }

    def _difference(self, blocks: "Blocks") -> float:
        import numpy as np

        before, self._before = self._before, blocks
        return 0.0 if before is None else clamp(float(np.abs(blocks - before).max()) / 255)


def _blocks(luma: "Image") -> "Blocks":
    """Return the mean of each block of the grid: rows x columns.

    As floats: whole numbers would turn coding noise of a fraction of a level into steps of one.
    """
    import cv2
    import numpy as np

    height, width = luma.shape[0] // _BLOCK_ROWS, luma.shape[1] // _BLOCK_COLUMNS
    if luma.shape == (height * _BLOCK_ROWS, width * _BLOCK_COLUMNS) and height * width * _BRIGHTEST < _EXACT:
        return _means_of_whole_blocks(luma, height, width)
    size = (_BLOCK_COLUMNS, _BLOCK_ROWS)
    return np.asarray(cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def _means_of_whole_blocks(luma: "Image", height: int, width: int) -> "Blocks":
    """Return, to the last bit, what area interpolation of floats gives, in a tenth of the time."""
    import numpy as np

    of_column = np.min_scalar_type(height * _BRIGHTEST)
    columns = luma.reshape(_BLOCK_ROWS, height, -1).sum(axis=1, dtype=of_column)
    sums = columns.reshape(_BLOCK_ROWS, _BLOCK_COLUMNS, width).sum(axis=2, dtype=np.uint32)
    return np.asarray(sums.astype(np.float32) * (np.float32(1) / np.float32(height * width)))


def _mean(luma: "Image") -> float:
    import cv2

    return float(cv2.sumElems(luma)[0]) / luma.size


def _share_up_to(luma: "Image", brightness: float) -> float:
    import cv2

    level = int(_BLACK + brightness * (_WHITE - _BLACK))
    brighter = cv2.countNonZero(cv2.threshold(luma, level, _BRIGHTEST, cv2.THRESH_BINARY)[1])
    return (luma.size - brighter) / luma.size


def _sharpness(luma: "Image") -> float | None:
    """Return the share of fine detail in the contrast, or None for a flat picture."""
    import cv2
    import numpy as np

    height, width = luma.shape
    scale = min(1.0, _SHARPNESS_SIDE / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    reduced = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA))
    deviation = float(reduced.std())
    if deviation < _FLAT_DEVIATION:
        return None
    detail = max(0.0, float(cv2.Laplacian(reduced, cv2.CV_16S).var()) - _ROUNDING_VARIANCE)
    return round(detail / deviation**2, DECIMALS)
