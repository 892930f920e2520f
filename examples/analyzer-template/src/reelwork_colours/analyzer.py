"""The analyzer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from reelwork.analyzers import Analyzer, AnalyzerSettings, Frame, Inputs, Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_PIXELS = 2**16


class ColoursSettings(AnalyzerSettings):
    """What may stand under ``with:`` in a pipeline file."""

    most: int = Field(3, ge=1, le=16, description="How many colours to tell at most.")
    steps: int = Field(4, ge=2, le=16, description="How many steps of red, green and blue are told apart.")
    min_share: float = Field(0.05, ge=0, le=1, description="Leave out colours of a smaller share of the frame.")


class Colours(Analyzer):
    """Tell the colours that the frame consists of.

    Answers a list of ``{"label", "share"}``, the largest share first: ``label`` is the mean of alike colours as
    ``#rrggbb``, ``share`` the part of the frame they cover, 0..1.
    """

    Settings = ColoursSettings
    libraries = ("numpy",)
    parallel = True  # a call keeps nothing in self
    by_picture = True  # neither index nor time of the frame has a part in the answer

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Look at each frame on its own."""
        return [self._colours(_thinned(frame.bgr())) for frame in frames]

    def _colours(self, pixels: "NDArray[np.uint8]") -> list[Json]:
        import numpy as np  # not above: the API imports this module to check pipelines, and needs no numpy for it

        steps = self.settings.steps
        blue, green, red = (pixels.astype(np.intp) * steps // 256).T
        kinds = (red * steps + green) * steps + blue
        counts = np.bincount(kinds, minlength=steps**3)
        largest = np.argsort(-counts, kind="stable")[: self.settings.most]
        least = max(self.settings.min_share * len(pixels), 1)
        return [
            {"label": _label(pixels[kinds == kind]), "share": round(int(counts[kind]) / len(pixels), 4)}
            for kind in largest
            if counts[kind] >= least
        ]


def _thinned(picture: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return pixels (n x 3, BGR) from all over the picture, not so many that it takes long."""
    step = 1
    while (picture.shape[0] // step) * (picture.shape[1] // step) > _MOST_PIXELS:
        step += 1
    return picture[::step, ::step].reshape(-1, 3)


def _label(pixels: "NDArray[np.uint8]") -> str:
    blue, green, red = (round(float(mean)) for mean in pixels.mean(axis=0))
    return f"#{red:02x}{green:02x}{blue:02x}"
