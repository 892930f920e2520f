"""QR codes and barcodes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from reelwork.analyzers.analyzer import Analyzer, AnalyzerSettings, Inputs, Json
from reelwork.analyzers.boxes import box_from_corners, polygon
from reelwork.video.frame import Frame

if TYPE_CHECKING:
    import zxingcpp

# Add-ons of other codes, and names of groups that zxing-cpp lists among the formats.
_NOT_READ_ALONE = frozenset({"NONE", "EAN2", "EAN5", "OtherBarcode", "LinearCodes", "MatrixCodes"})


class CodesSettings(AnalyzerSettings):
    """Settings of ``codes``."""

    formats: list[str] | None = Field(
        None,
        min_length=1,
        description="Names of the formats to look for, such as QRCode or EAN13; all by default. "
        "QRCode alone takes a tenth of the time of all.",
    )
    try_harder: bool = Field(
        True,
        description="Also look for codes that are turned by a quarter, light on dark, or very large; takes longer.",
    )

    @field_validator("formats")
    @classmethod
    def _known(cls, names: list[str] | None) -> list[str] | None:
        known = _formats()
        unknown = [name for name in names or () if name not in known]
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; the formats are {', '.join(known)}")
        return names


class Codes(Analyzer):
    """Read QR codes and barcodes (EAN, Code 128, Data Matrix, Aztec, PDF417 and others).

    Answers a list of ``{"text", "format", "box", "polygon"}`` from top to bottom, then left to right.
    ``polygon`` starts at the code's own top left corner and so tells how the code is turned. Contents that are
    not text are given as text, one character for each byte, control characters as ``<NUL>``, ``<GS>`` and so on.
    """

    Settings = CodesSettings
    libraries = ("zxing-cpp",)
    parallel = True
    by_picture = True

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Look for codes in each frame on its own; see the class for the answer."""
        return [self._analyze(frame) for frame in frames]

    def _analyze(self, frame: Frame) -> list[Json]:
        import zxingcpp

        found = zxingcpp.read_barcodes(frame.luma(), **self._options())
        items = [_item(code, frame) for code in found if code.valid]
        return sorted(items, key=lambda item: (item["box"]["y"], item["box"]["x"], item["format"], item["text"]))

    def _options(self) -> dict[str, Any]:
        import zxingcpp

        harder = self.settings.try_harder
        options: dict[str, Any] = {"try_rotate": harder, "try_downscale": harder, "try_invert": harder}
        if self.settings.formats:
            options["formats"] = zxingcpp.barcode_formats_from_str(",".join(self.settings.formats))
        return options


def _item(code: "zxingcpp.Barcode", frame: Frame) -> dict[str, Json]:
    place = code.position
    corners = [
        (float(point.x), float(point.y))
        for point in (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    ]
    xs, ys = zip(*corners, strict=True)
    return {
        # JSON cannot carry half of a surrogate pair.
        "text": code.text.encode("utf-8", "replace").decode("utf-8"),
        "format": code.format.name,
        "box": box_from_corners(min(xs), min(ys), max(xs), max(ys), frame.width, frame.height),
        "polygon": polygon(corners, frame.width, frame.height),
    }


def _formats() -> list[str]:
    import zxingcpp

    names = sorted(zxingcpp.BarcodeFormat.__members__)
    return [name for name in names if name not in _NOT_READ_ALONE and not name.startswith("All")]
