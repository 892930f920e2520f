"""Shot changes.

The idea is that of PySceneDetect's content and adaptive detectors: the mean difference of hue, saturation and
value between successive frames, against a threshold and against what is usual around it. Two things differ.
Each cell of a coarse grid is compared with the cells around its place too, so that moving cameras and frames
sampled far apart count little. And only earlier frames are looked at, so that every frame is answered at once.
"""

from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from pydantic import Field

from reelwork.analyzers.analyzer import AnalyzerContext, AnalyzerSettings, Json, SequenceAnalyzer
from reelwork.analyzers.boxes import clamp
from reelwork.video.frame import Frame, Moment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grid = NDArray[np.int32]

_COLUMNS, _ROWS = 16, 9
_REACH_X, _REACH_Y = 2, 1
_HUES = 180
_RECENT = 5


class ScenesSettings(AnalyzerSettings):
    """Settings of ``scenes``."""

    threshold: float = Field(
        0.06, gt=0, le=1, description="How different from the frame before, 0 to 1, the first frame of a shot must be."
    )
    contrast: float = Field(
        2.0,
        ge=1,
        le=100,
        description="How many times the mean of the latest differences within shots a new shot's difference must be.",
    )
    min_shot_s: float = Field(
        0.6, ge=0, le=3600, allow_inf_nan=False, description="A shot is at least this long, in seconds."
    )


class Scenes(SequenceAnalyzer):
    """Tell the shots of the video apart.

    Answers ``{"shot", "cut", "score"}`` for every frame: ``shot`` is the 0-based number of the shot the frame is
    in, ``cut`` whether a new shot began since the analysed frame before, ``score`` how different the two are, 0
    to 1. The first frame is in shot 0, without a cut, with a score of 0. A cross-fade is one cut, at the
    frame where the picture changes fast enough, or none.
    """

    Settings = ScenesSettings
    libraries = ("numpy", "opencv-python-headless")
    by_picture = True

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        super().__init__(settings, context)
        # Through its digits: the nearest double of 0.2 is more than five frames at 25 a second.
        self._min_shot = Fraction(str(self.settings.min_shot_s))
        self.begin()

    def begin(self) -> None:
        """Forget the video before."""
        self._shot = 0
        self._began = Fraction(0)
        self._before: Grid | None = None
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> "Grid":
        """Reduce the frame to its grid of colours."""
        return _grid(frame)

    def conclude(self, moment: Moment, observation: "Grid") -> Json:
        """Compare the frame with the one before; see the class for the answer."""
        before, self._before = self._before, observation
        if before is None:
            self._began = moment.time
            return {"shot": 0, "cut": False, "score": 0.0}
        score = clamp(_difference(before, observation))
        cut = self._stands_out(score) and moment.time - self._began >= self._min_shot
        if cut:
            self._shot, self._began = self._shot + 1, moment.time
        else:
            self._recent.append(score)
        return {"shot": self._shot, "cut": cut, "score": score}

    def _stands_out(self, score: float) -> bool:
        usual = sum(self._recent) / len(self._recent) if self._recent else 0.0
        return bool(score >= self.settings.threshold and score >= self.settings.contrast * usual)


def _grid(frame: Frame) -> "Grid":
    """Return the mean colour of each cell as hue (0..179), saturation and value (0..255)."""
    import cv2
    import numpy as np

    cells = cv2.resize(frame.bgr(), (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(cells, cv2.COLOR_BGR2HSV).astype(np.int32)


def _difference(before: "Grid", now: "Grid") -> float:
    """Return the mean over the cells of the difference to the most similar cell nearby, 0..1."""
    import numpy as np

    around = np.pad(before, ((_REACH_Y, _REACH_Y), (_REACH_X, _REACH_X), (0, 0)), mode="edge")
    shifted = [
        around[down : down + _ROWS, right : right + _COLUMNS]
        for down in range(2 * _REACH_Y + 1)
        for right in range(2 * _REACH_X + 1)
    ]
    return float(np.min([_cell_differences(cells, now) for cells in shifted], axis=0).mean())


def _cell_differences(one: "Grid", other: "Grid") -> "NDArray[np.float64]":
    import numpy as np

    hue, saturation, value = np.moveaxis(np.abs(one - other), 2, 0)
    # Hue is an angle, and means nothing in a cell without colour.
    turn = np.minimum(hue, _HUES - hue) / (_HUES / 2)
    colour = np.minimum(one[..., 1], other[..., 1])
    return np.asarray((turn * colour + saturation + value) / (3 * 255), np.float64)
