"""Pictures and frames for tests: drawn ones whose right answer is known, and decoded ones from ``media/``."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from reelwork.analyzers import Frame

Picture = NDArray[np.uint8]

MEDIA = Path(__file__).parents[2] / "media"


def decoded(name: str, stride: int = 1) -> list[Frame]:
    """Decode every ``stride``-th frame of a clip in ``media/``."""
    frames = []
    with av.open(str(MEDIA / name)) as container:
        for index, picture in enumerate(container.decode(video=0)):
            if index % stride == 0:
                assert picture.pts is not None
                assert picture.time_base is not None
                frames.append(Frame(index, picture.pts * picture.time_base, picture))
    return frames


def plain(width: int, height: int, colour: tuple[int, int, int] = (255, 255, 255)) -> Picture:
    """Return a picture of one BGR colour."""
    return np.full((height, width, 3), colour, np.uint8)


def textured(width: int, height: int, seed: int = 0) -> Picture:
    """Return a colourful picture with detail of all sizes, different for each seed."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cells in (3, 9, 40):
        patches = random.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(patches, (width, height), interpolation=cv2.INTER_NEAREST)
    return (picture / 3).astype(np.uint8)


def written(picture: Picture, text: str, left: int, baseline: int, scale: float = 1.5) -> Picture:
    """Write black text into a copy of the picture."""
    picture = picture.copy()
    cv2.putText(picture, text, (left, baseline), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    return picture


def pasted(picture: Picture, patch: NDArray[np.uint8], left: int, top: int) -> Picture:
    """Put a patch (grey or BGR) into a copy of the picture."""
    picture = picture.copy()
    height, width = patch.shape[:2]
    picture[top : top + height, left : left + width] = patch if patch.ndim == 3 else patch[..., None]
    return picture


def frames_of(pictures: Sequence[Picture], rate: int = 25) -> list[Frame]:
    """Make the frames of a video that shows these pictures at a constant rate."""
    return [Frame.from_bgr(picture, index, Fraction(index, rate)) for index, picture in enumerate(pictures)]
