"""The analyzer: which parts of which frames are read, and what is answered for them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json
from reelwork.analyzers.builtin.text.lines import Line
from reelwork.analyzers.builtin.text.models import shipped_models
from reelwork.analyzers.builtin.text.paddle import PaddleReader
from reelwork.analyzers.builtin.text.reader import Reader
from reelwork.analyzers.builtin.text.settings import TextSettings
from reelwork.analyzers.builtin.text.similar import SimilarReader
from reelwork.analyzers.builtin.text.tesseract import TesseractReader, tesseract_data
from reelwork.analyzers.builtin.text.windows import Region, Window, boxes_of
from reelwork.video.frame import Frame


class Text(Analyzer):
    """Read the text in the frame, line by line, offline.

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
        self.stateful = self.settings.reuse == "similar"
        self.parallel = self.by_picture = not self.stateful
        self._reader: Reader

    @property
    def libraries(self) -> tuple[str, ...]:  # type: ignore[override]
        """What answers depend on, by engine."""
        if self.settings.engine == "tesseract":
            return ("tesserocr", "numpy")
        return ("rapidocr", "onnxruntime", "opencv-python-headless", "numpy")

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        """Say what the engine needs and does not find."""
        try:
            _model_files(settings)
        except LookupError as error:
            return str(error)
        return None

    def load(self) -> None:
        """Load the engine's models from where they are installed; nothing is ever downloaded."""
        if self.settings.engine == "tesseract":
            self._reader = TesseractReader(self.settings)
        elif self.stateful:
            self._reader = SimilarReader(PaddleReader(self.settings, max(self.context.threads, self.context.cores)))
        else:
            self._reader = PaddleReader(self.settings, self.context.threads)

    def model_files(self) -> Sequence[Path]:
        """Return the models that find and read, and the one that sees what stands upside down."""
        return _model_files(self.settings)

    def begin(self) -> None:
        """Forget the video before."""
        self._reader.begin()

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Read each frame on its own; see the class for the answer."""
        if not inputs:
            return [[line.item(frame) for line in self._read(frame, Window.whole(frame))] for frame in frames]
        return [
            list(self._regions(frame, [boxes_of(name, outputs[position]) for name, outputs in inputs.items()]))
            for position, frame in enumerate(frames)
        ]

    def _regions(self, frame: Frame, boxes: list[list[Json]]) -> Iterator[Json]:
        for number, box in enumerate(box for of_input in boxes for box in of_input):
            region = Region.of(box, frame)
            if region.empty():
                continue
            for line in self._read(frame, region.window(frame)):
                if region.holds(line.centre()):
                    yield line.item(frame) | {"region": number}

    def _read(self, frame: Frame, window: Window) -> list[Line]:
        return [line.moved(window.left, window.top) for line in self._reader.read(frame, window)]


def _model_files(settings: TextSettings) -> list[Path]:
    if settings.engine == "tesseract":
        return tesseract_data(settings.languages)
    models = shipped_models()
    return [models[stage] for stage in ("det", "rec", *(("cls",) if settings.rotated else ()))]
