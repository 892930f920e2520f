"""Reading with the PP-OCR models: find the lines, cut each out, read each cut-out on its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reelwork.analyzers.builtin.text.crops import ReadCrops, Reading
from reelwork.analyzers.builtin.text.finding import Finder
from reelwork.analyzers.builtin.text.lines import Line
from reelwork.analyzers.builtin.text.models import Models
from reelwork.analyzers.builtin.text.reader import Reader
from reelwork.analyzers.builtin.text.settings import TextSettings
from reelwork.analyzers.builtin.text.windows import Window
from reelwork.video.frame import Frame

if TYPE_CHECKING:
    from reelwork.analyzers.builtin.text.finding import Boxes
    from reelwork.video.frame import Image

KEPT_CROPS = 4096
"""Readings kept for identical crops: about a megabyte."""


@dataclass(frozen=True)
class Page:
    """A picture made fit for the models: not too small, not too flat.

    Attributes:
        picture: What the models see (BGR).
        changes: What the engine did to get it, in its own terms.
        width: Width of the picture before.
        height: Height of the picture before.
    """

    picture: "Image"
    changes: dict[str, Any]
    width: int
    height: int

    def as_given(self) -> bool:
        """Say whether nothing was changed."""
        return self.picture.shape[:2] == (self.height, self.width)


class PaddleReader(Reader):
    """Reads pictures one by one; many threads may at once."""

    def __init__(self, settings: TextSettings, threads: int) -> None:
        """Load the models; one picture keeps this many threads busy."""
        self._settings = settings
        self._models = Models.loaded(threads)  # which last as long as somebody holds them
        self._engine = self._models.engine
        self.finder = Finder(self._engine.text_det, settings.max_side)
        self._crops = ReadCrops(self._reading, 0 if settings.reuse == "off" else KEPT_CROPS, threads)

    def read(self, frame: Frame, window: Window) -> list[Line]:
        """Find and read every line anew."""
        page = self.page(frame, window)
        reduced = self.finder.reduced(page.picture)
        if reduced is None:
            return []
        height, width = page.picture.shape[:2]
        boxes = self.finder.boxes(self.finder.heat(reduced), width, height)
        return self.lines(page, boxes, self.readings(page, boxes))

    def page(self, frame: Frame, window: Window) -> Page:
        """Return what the window shows of the frame, made fit."""
        import numpy as np
        from rapidocr.utils.process_img import apply_vertical_padding

        engine, given = self._engine, np.ascontiguousarray(frame.bgr()[window.slices])
        picture, changes = engine.preprocess_img(given)
        picture, changes = apply_vertical_padding(picture, changes, engine.width_height_ratio, engine.min_height)
        return Page(picture, changes, given.shape[1], given.shape[0])

    def readings(self, page: Page, boxes: "Boxes") -> list[Reading]:
        """Read the line in each box."""
        return self._crops.read(self._engine.crop_text_regions(page.picture, boxes))

    def lines(self, page: Page, boxes: "Boxes", readings: Sequence[Reading]) -> list[Line]:
        """Return the lines worth answering, in pixels of what the page was made from."""
        from rapidocr.utils.process_img import map_boxes_to_original

        if not readings:
            return []
        boxes = map_boxes_to_original(boxes.copy(), page.changes, page.height, page.width)
        lines = [
            Line(text, confidence, tuple((float(x), float(y)) for x, y in corners))
            for (text, confidence), corners in zip(readings, boxes, strict=True)
        ]
        return [line for line in lines if line.worth(self._settings.min_confidence)]

    def _reading(self, crop: "Image") -> Reading:
        if self._settings.rotated:
            (crop,), _ = self._engine.cls_and_rotate([crop])
        read = self._engine.recognize_txt([crop])
        return read.txts[0], float(read.scores[0])
