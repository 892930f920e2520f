"""Fit a picture into the fixed size a model takes, and bring what it found back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwork.video.frame import Image

_GREY = 114


@dataclass(frozen=True)
class Letterbox:
    """A picture scaled to fit, aspect kept, and centred on grey, as YOLO models are trained.

    Attributes:
        width, height: Size of the model's input.
        left, top: Where the picture begins in it.
        scaled_width, scaled_height: Size of the picture in it.
    """

    width: int
    height: int
    left: int
    top: int
    scaled_width: int
    scaled_height: int

    @classmethod
    def fit(cls, picture_width: int, picture_height: int, width: int, height: int) -> "Letterbox":
        """Place a picture of the first size in an input of the second."""
        scale = min(width / picture_width, height / picture_height)
        scaled_width = min(width, max(1, round(picture_width * scale)))
        scaled_height = min(height, max(1, round(picture_height * scale)))
        left, top = (width - scaled_width) // 2, (height - scaled_height) // 2
        return cls(width, height, left, top, scaled_width, scaled_height)

    def apply(self, picture: "Image", canvas: "Image") -> None:
        """Write the input picture into the canvas: height x width x 3, uint8, channels as given."""
        import cv2

        canvas.fill(_GREY)
        bottom, right = self.top + self.scaled_height, self.left + self.scaled_width
        size = (self.scaled_width, self.scaled_height)
        canvas[self.top : bottom, self.left : right] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)

    def undo(self, corners: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Turn N x 4 corners (left, top, right, bottom) in input pixels into fractions of the picture."""
        import numpy as np

        origin = np.array([self.left, self.top] * 2)
        size = np.array([self.scaled_width, self.scaled_height] * 2)
        return np.asarray((corners - origin) / size, np.float32)
