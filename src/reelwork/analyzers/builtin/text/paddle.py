"""Reading with the PP-OCR models: find the lines, cut each out, read each cut-out on its own."""

from typing import TYPE_CHECKING, Any

from reelwork.analyzers.builtin.text.crops import ReadCrops, Reading
from reelwork.analyzers.builtin.text.lines import Line
from reelwork.analyzers.builtin.text.models import Models
from reelwork.analyzers.builtin.text.settings import TextSettings

if TYPE_CHECKING:
    from reelwork.video.frame import Image

KEPT_CROPS = 4096
"""Readings kept for identical crops: less than a megabyte."""


class PaddleReader:
    """Reads pictures; many threads may at once."""

    def __init__(self, settings: TextSettings, threads: int) -> None:
        """Load the models; one picture keeps this many threads busy."""
        from rapidocr.ch_ppocr_det.utils import DetPreProcess

        self._settings = settings
        self._models = Models.loaded(threads)  # which last as long as somebody holds them
        self._engine = self._models.engine
        detector = self._engine.text_det
        # The engine's own default, "min", enlarges small pictures and takes seconds for some of them.
        self._prepare = DetPreProcess(settings.max_side, "max", detector.mean, detector.std)
        self._crops = ReadCrops(self._reading, 0 if settings.reuse == "off" else KEPT_CROPS)

    def read(self, picture: "Image") -> list[Line]:
        """Return the lines in a picture (BGR), from top to bottom, then left to right, in its pixels."""
        from rapidocr.utils.process_img import apply_vertical_padding, map_boxes_to_original

        engine, (height, width) = self._engine, picture.shape[:2]
        picture, changes = engine.preprocess_img(picture)
        picture, changes = apply_vertical_padding(picture, changes, engine.width_height_ratio, engine.min_height)
        boxes = self._find(picture)
        if not len(boxes):
            return []
        readings = self._crops.read(engine.crop_text_regions(picture, boxes))
        return self._lines(readings, map_boxes_to_original(boxes, changes, height, width))

    def _find(self, picture: "Image") -> Any:
        """Return the corners of each line: lines x 4 x 2, in pixels."""
        detector = self._engine.text_det
        prepared = self._prepare(picture)
        if prepared is None:
            return ()
        boxes, _ = detector.postprocess_op(detector.session(prepared), picture.shape[:2])
        return detector.sorted_boxes(boxes)

    def _reading(self, crop: "Image") -> Reading:
        if self._settings.rotated:
            (crop,), _ = self._engine.cls_and_rotate([crop])
        read = self._engine.recognize_txt([crop])
        return read.txts[0], float(read.scores[0])

    def _lines(self, readings: list[Reading], boxes: Any) -> list[Line]:
        lines = [
            Line(text, confidence, tuple((float(x), float(y)) for x, y in corners))
            for (text, confidence), corners in zip(readings, boxes, strict=True)
        ]
        return [line for line in lines if line.worth(self._settings.min_confidence)]
