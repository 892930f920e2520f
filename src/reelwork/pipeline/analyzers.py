"""The analyzers that are installed, as a person sees them."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry


@dataclass(frozen=True)
class AnalyzerEntry:
    """One analyzer; ``kind`` is None when it could not be loaded.

    Attributes:
        package: The package it comes from, and its version.
        unavailable_because: None when it can be used, with its defaults if it has them.
        libraries: What its answers depend on, with its defaults.
    """

    name: str
    kind: type[Analyzer] | None
    package: str | None
    unavailable_because: str | None
    libraries: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """The first line of its docstring."""
        return (self.kind.__doc__ or "").strip().partition("\n")[0] if self.kind else ""


def analyzer_entries(registry: AnalyzerRegistry, context: AnalyzerContext) -> list[AnalyzerEntry]:
    """List every analyzer, sorted by name; what is missing is looked at anew each time."""
    usable = [_entry(name, kind, registry.packages.get(name), context) for name, kind in registry.analyzers.items()]
    broken = [AnalyzerEntry(name, None, None, reason) for name, reason in registry.broken.items()]
    return sorted([*usable, *broken], key=lambda entry: entry.name)


def settings_schema(kind: type[Analyzer]) -> dict[str, Any]:
    """Return the JSON Schema of an analyzer's settings; one that allows everything if they cannot be described."""
    try:
        return kind.Settings.model_json_schema()
    except Exception:  # a plugin's; what else is listed is listed all the same
        return {}


def _entry(name: str, kind: type[Analyzer], package: str | None, context: AnalyzerContext) -> AnalyzerEntry:
    try:
        settings = kind.Settings()
        reason = kind.unavailable_because(settings, context)
        return AnalyzerEntry(name, kind, package, reason, tuple(kind(settings, context).libraries))
    except ValidationError:  # it has no defaults, so a pipeline has to say first
        return AnalyzerEntry(name, kind, package, None)
    except Exception as error:  # a plugin's; the others are listed all the same
        return AnalyzerEntry(name, kind, package, f"Analyzer {name!r} is broken: {type(error).__name__}: {error}")
