"""Black, frozen and blurred frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json
from reelwork.analyzers.boxes import DECIMALS, clamp
from reelwork.video.frame import Frame

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


class QualitySettings(AnalyzerSettings):
    """Settings of ``quality``."""

    black_level: float = Field(0.1, ge=0, le=1, description="A pixel up to this brightness, 0 to 1, is dark.")
    black_share: float = Field(0.98, gt=0, le=1, description="A frame is black if this share of its pixels is dark.")
    frozen_difference: float = Field(
        0.004, ge=0, le=1, description="A frame is frozen if no part of it changed by more than this, 0 to 1."
    )
    blurred_sharpness: float = Field(0.01, ge=0, le=64, description="A frame less sharp than this is blurred.")


class Quality(Analyzer):
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
    stateful = True

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        super().__init__(settings, context)
        self.begin()

    def begin(self) -> None:
        """Forget the video before."""
        self._before: Blocks | None = None

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Measure each frame, and compare it with the one before; see the class for the answer."""
        return [self._analyze(frame.luma()) for frame in frames]

    def _analyze(self, luma: "Image") -> Json:
        first, difference = self._before is None, self._difference(luma)
        sharpness = _sharpness(luma)
        return {
            "black": _share_up_to(luma, self.settings.black_level) >= self.settings.black_share,
            "frozen": not first and difference <= self.settings.frozen_difference,
            "blurred": sharpness is not None and sharpness < self.settings.blurred_sharpness,
            "brightness": clamp((float(luma.mean()) - _BLACK) / (_WHITE - _BLACK)),
            "sharpness": sharpness or 0.0,
            "difference": difference,
        }

    def _difference(self, luma: "Image") -> float:
        import cv2
        import numpy as np

        # As floats: whole numbers would turn coding noise of a fraction of a level into steps of one.
        size = (_BLOCK_COLUMNS, _BLOCK_ROWS)
        blocks = np.asarray(cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
        before, self._before = self._before, blocks
        return 0.0 if before is None else clamp(float(np.abs(blocks - before).max()) / 255)


def _share_up_to(luma: "Image", brightness: float) -> float:
    import numpy as np

    level = np.uint8(_BLACK + brightness * (_WHITE - _BLACK))
    return int(np.count_nonzero(luma <= level)) / luma.size


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
