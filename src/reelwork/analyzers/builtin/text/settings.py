"""The settings of ``text``."""

from typing import Literal

from pydantic import Field

from reelwork.analyzers.analyzer import AnalyzerSettings


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
    reuse: Literal["exact", "similar", "off"] = Field(
        "exact",
        description="What is not read again: `exact`, lines whose pixels are identical to a line read before, which "
        "changes no answer; `similar`, also what has not changed visibly since an earlier frame, which is much faster "
        "on slides and may keep a reading too long where the change is faint; `off`, nothing.",
    )
