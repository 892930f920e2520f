"""Finding lines with the PP-OCR detector: a picture, the heat of text in it, the boxes of its lines."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reelwork.video.frame import Image

    Heat = NDArray[np.float32]
    Boxes = NDArray[np.float32]

STEP = 32
"""Heat is made for pictures whose sides are multiples of this many pixels."""


class Finder:
    """The detector's steps one by one; nothing is kept between calls, so many threads may use it at once."""

    def __init__(self, detector: Any, max_side: int) -> None:
        """Use the network of a ``rapidocr`` detector on pictures reduced to ``max_side`` pixels."""
        from rapidocr.ch_ppocr_det.utils import DetPreProcess

        self._detector = detector
        # The library's own default, "min", enlarges small pictures and takes seconds for some of them.
        self._preparation = DetPreProcess(max_side, "max", detector.mean, detector.std)

    def reduced(self, picture: "Image") -> "Image | None":
        """Return the picture (BGR) in the size text is looked for in, or None if nothing is left of it."""
        return self._preparation.resize(picture)

    def heat(self, reduced: "Image") -> "Heat":
        """Return how likely each pixel of a reduced picture, or of a part of one in ``STEP``s, belongs to text."""
        import numpy as np

        prepared = self._preparation.permute(self._preparation.normalize(reduced))[None].astype(np.float32)
        heat: Heat = self._detector.session(prepared)[0, 0]
        return heat

    def boxes(self, heat: "Heat", width: int, height: int) -> "Boxes":
        """Return the corners (lines x 4 x 2) of the lines, in reading order, in a picture of this size."""
        found, _ = self._detector.postprocess_op(heat[None, None], (height, width))
        boxes: Boxes = self._detector.sorted_boxes(found)
        return boxes
