"""Optical character recognition: the text in the frame, or in the boxes another node found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json
from reelwork.analyzers.boxes import box_from_corners, clamp, polygon
from reelwork.video.frame import Frame

if TYPE_CHECKING:
    from reelwork.video.frame import Image

_MARGIN_PIXELS = 8
_MARGIN_SHARE = 0.1
# The detector works in steps of 32 pixels and finds nothing in pictures that round to none.
_SMALLEST_WINDOW = 32


class TextSettings(AnalyzerSettings):
    """Settings of ``text``."""

    min_confidence: float = Field(0.5, ge=0, le=1, description="Lines read with less confidence are left out.")
    max_side: int = Field(
        960,
        ge=64,
        le=4096,
        description="Pictures whose longer side has more pixels are reduced to it before text is looked for "
        "(reading uses the full resolution): larger finds smaller text and takes longer.",
    )
    rotated: bool = Field(False, description="Also read text that stands upside down; takes longer.")


@dataclass(frozen=True)
class _Line:
    text: str
    confidence: float
    corners: list[tuple[float, float]]

    def centre(self) -> tuple[float, float]:
        xs, ys = zip(*self.corners, strict=True)
        return sum(xs) / len(xs), sum(ys) / len(ys)

    def moved(self, right: int, down: int) -> "_Line":
        return _Line(self.text, self.confidence, [(x + right, y + down) for x, y in self.corners])


@dataclass(frozen=True)
class _Region:
    """The inside of a box, in pixels of the frame."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of(cls, box: Json, frame: Frame) -> "_Region":
        left, top = box["x"] * frame.width, box["y"] * frame.height
        return cls(left, top, left + box["w"] * frame.width, top + box["h"] * frame.height)

    def empty(self) -> bool:
        return not (self.right > self.left and self.bottom > self.top)

    def holds(self, point: tuple[float, float]) -> bool:
        return self.left <= point[0] <= self.right and self.top <= point[1] <= self.bottom

    def window(self, frame: Frame) -> tuple[slice, slice]:
        """Return the rows and columns to look at: the detector misses text that touches the picture's edge."""
        margin = max(_MARGIN_PIXELS, _MARGIN_SHARE * min(self.right - self.left, self.bottom - self.top))
        rows = _grown(self.top, self.bottom, margin, frame.height)
        return rows, _grown(self.left, self.right, margin, frame.width)


class Text(Analyzer):
    """Read the text in the frame, line by line, offline (PP-OCR models).

    Answers a list of ``{"text", "confidence", "box", "polygon"}`` from top to bottom, then left to right; ``polygon``
    holds the four corners of the line, starting at its top left.

    Given other nodes' lists of items with a ``box`` as inputs, only the insides of those boxes are read. Each
    line then also says in ``region`` in which box it stands: the 0-based place of the item in the input's list
    (several inputs count on, one after the other). Text inside overlapping boxes is answered for each of them.
    """

    Settings = TextSettings
    takes_inputs = True

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        super().__init__(settings, context)
        self._engine: Any = None

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        """Say which of the models that rapidocr ships is missing."""
        try:
            _shipped_models()
        except LookupError as error:
            return str(error)
        return None

    def load(self) -> None:
        """Load the models from rapidocr's package; nothing is ever downloaded."""
        import cv2
        import numpy as np
        from rapidocr import RapidOCR

        self._engine = RapidOCR(params=_engine_parameters(self.settings, self.context))
        # The engine opens each model when it first needs it; a written word makes it open all of them now.
        word = np.full((64, 256, 3), 255, np.uint8)
        cv2.putText(word, "word", (40, 48), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
        self._read(word)

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Read each frame on its own; see the class for the answer."""
        if not inputs:
            return [[_item(line, frame) for line in self._read(frame.bgr())] for frame in frames]
        return [
            list(self._regions(frame, [_boxes(name, outputs[position]) for name, outputs in inputs.items()]))
            for position, frame in enumerate(frames)
        ]

    def _regions(self, frame: Frame, boxes: list[list[Json]]) -> Iterator[Json]:
        for number, box in enumerate(box for of_input in boxes for box in of_input):
            region = _Region.of(box, frame)
            if region.empty():
                continue
            rows, columns = region.window(frame)
            for line in self._read(frame.bgr()[rows, columns]):
                in_frame = line.moved(columns.start, rows.start)
                if region.holds(in_frame.centre()):
                    yield _item(in_frame, frame) | {"region": number}

    def _read(self, picture: "Image") -> list[_Line]:
        import numpy as np

        # What the engine returns holds the picture: only plain values leave this function.
        output = self._engine(np.ascontiguousarray(picture))
        if output.boxes is None or output.txts is None or output.scores is None:
            return []
        lines = [
            _Line(text, float(confidence), [(float(x), float(y)) for x, y in corners])
            for text, confidence, corners in zip(output.txts, output.scores, output.boxes, strict=True)
        ]
        return [line for line in lines if isfinite(line.confidence) and all(map(isfinite, line.centre()))]


def _item(line: _Line, frame: Frame) -> dict[str, Json]:
    xs, ys = zip(*line.corners, strict=True)
    return {
        "text": line.text,
        "confidence": clamp(line.confidence),
        "box": box_from_corners(min(xs), min(ys), max(xs), max(ys), frame.width, frame.height),
        "polygon": polygon(line.corners, frame.width, frame.height),
    }


def _boxes(name: str, output: Json) -> list[Json]:
    if not isinstance(output, list) or not all(isinstance(item, dict) and "box" in item for item in output):
        raise ValueError(f"input {name!r} does not answer lists of items with a 'box', so there is nothing to read in")
    return [item["box"] for item in output]


def _grown(low: float, high: float, margin: float, limit: int) -> slice:
    """Widen the span by the margin, to the smallest window at least, within 0..limit."""
    margin = max(margin, (_SMALLEST_WINDOW - (high - low)) / 2)
    return slice(max(0, int(low - margin)), min(limit, int(high + margin) + 1))


def _shipped_models() -> dict[str, Path]:
    """Find the models in rapidocr's own wheel, so that others lying beside them change nothing.

    Raises:
        LookupError: rapidocr or one of its models is not installed; the message says so in a sentence.
    """
    try:
        shipped = [entry for entry in files("rapidocr") or () if entry.name.endswith(".onnx")]
    except PackageNotFoundError:
        raise LookupError("The package rapidocr is not installed. Install it to read text.") from None
    models: dict[str, Path] = {}
    for stage in ("det", "rec", "cls"):
        paths = [Path(str(entry.locate())) for entry in shipped if f"_{stage}_" in entry.name]
        if not paths or not paths[0].is_file():
            raise LookupError(f"rapidocr's {stage!r} model is missing from its package. Install rapidocr again.")
        models[stage] = paths[0]
    return models


def _engine_parameters(settings: TextSettings, context: AnalyzerContext) -> dict[str, Any]:
    models = _shipped_models()
    return {
        # It warns of every frame without text.
        "Global.log_level": "critical",
        "Global.text_score": settings.min_confidence,
        "Global.use_cls": settings.rotated,
        # Above this the engine shrinks the picture for reading too, and small text in large frames is lost.
        "Global.max_side_len": 1 << 20,
        "Det.model_path": str(models["det"]),
        "Rec.model_path": str(models["rec"]),
        "Cls.model_path": str(models["cls"]),
        # The engine's own default, "min", enlarges small pictures and takes seconds for some of them.
        "Det.limit_type": "max",
        "Det.limit_side_len": settings.max_side,
        # Lines read in one batch change each other's scores.
        "Rec.rec_batch_num": 1,
        "Cls.cls_batch_num": 1,
        "EngineConfig.onnxruntime.intra_op_num_threads": context.threads,
    }
