"""Analyzers as a person sees them; one that misbehaves is listed and stops nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from reelwork.analyzers import Analyzer, AnalyzerSettings, Frame, Inputs
from reelwork.analyzers.analyzer import AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.analyzers import analyzer_entries, settings_schema

CONTEXT = AnalyzerContext(Path("models"))


class Plain(Analyzer):
    """Answers nothing.

    And says more of it here.
    """

    libraries = ("numpy",)

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Any]:
        return [[] for _ in frames]


class DemandingSettings(AnalyzerSettings):
    size: int


class Demanding(Plain):
    """Has no defaults."""

    Settings = DemandingSettings


class OddSettings(AnalyzerSettings):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    path: Sequence[Frame] = ()


class Odd(Plain):
    """Raises where it can, and cannot be described."""

    Settings = OddSettings

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        raise RuntimeError("the moon is full")


def test_each_with_what_is_to_be_known_of_it() -> None:
    registry = AnalyzerRegistry(
        {"plain": Plain, "demanding": Demanding, "odd": Odd},
        broken={"gone": "gone:Gone could not be loaded"},
        packages={"plain": "some-package 1.2"},
    )
    entries = {entry.name: entry for entry in analyzer_entries(registry, CONTEXT)}
    assert list(entries) == ["demanding", "gone", "odd", "plain"]
    assert (entries["plain"].description, entries["plain"].package) == ("Answers nothing.", "some-package 1.2")
    assert entries["plain"].libraries == ("numpy",)
    assert entries["plain"].unavailable_because is entries["demanding"].unavailable_because is None
    assert "the moon is full" in str(entries["odd"].unavailable_because)
    assert (entries["gone"].kind, entries["gone"].description) == (None, "")


def test_settings_that_cannot_be_described_may_be_anything() -> None:
    assert settings_schema(Odd) == {}
    assert settings_schema(Demanding)["required"] == ["size"]
