"""The settings of ``text``."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from reelwork.analyzers.analyzer import AnalyzerSettings
from reelwork.analyzers.builtin.text.languages import READ_BY_RAPIDOCR

Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}([_-][A-Za-z]{2,8})?$")]


class TextSettings(AnalyzerSettings):
    """Settings of ``text``."""

    engine: Literal["rapidocr", "tesseract"] = Field(
        "rapidocr",
        description="What reads: `rapidocr`, good at scenes and slides; `tesseract`, quick with clean print, weak "
        "elsewhere (install `reelwork[tesseract]`).",
    )
    languages: tuple[Language, ...] = Field(
        (),
        description="ISO 639 codes of the languages to read. `rapidocr` reads all it knows at once and only checks "
        "that these are among them; `tesseract` reads these, by the same codes or its own names, English by default.",
    )
    min_confidence: float = Field(0.5, ge=0, le=1, description="Lines read with less confidence are left out.")
    max_side: int = Field(
        960,
        ge=64,
        le=4096,
        description="Pictures whose longer side has more pixels are reduced to it before `rapidocr` looks for text "
        "(reading uses the full resolution): larger finds smaller text and takes longer.",
    )
    rotated: bool = Field(False, description="Also read text that stands upside down; takes longer (`rapidocr` only).")
    reuse: Literal["exact", "similar", "off"] = Field(
        "exact",
        description="What is not read again: `exact`, lines whose pixels are identical to a line read before, which "
        "changes no answer; `similar`, also what has not changed visibly since an earlier frame, which is much faster "
        "on slides and may keep a reading too long where the change is faint (`rapidocr` only); `off`, nothing.",
    )

    @model_validator(mode="after")
    def _fits_the_engine(self) -> Self:
        if self.engine == "rapidocr":
            unknown = [language for language in self.languages if language not in READ_BY_RAPIDOCR]
            if unknown:
                known = ", ".join(sorted(READ_BY_RAPIDOCR))
                raise ValueError(f"the models of rapidocr do not read {', '.join(unknown)}; they read {known}")
        elif self.rotated:
            raise ValueError("the engine tesseract does not read upside down; leave out `rotated` or use rapidocr")
        elif self.reuse == "similar":
            raise ValueError("`reuse: similar` needs the engine rapidocr")
        return self
