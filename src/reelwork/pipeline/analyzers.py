"""The analyzers that are installed, as a person sees them."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext
from reelwork.analyzers.registry import AnalyzerRegistry


@dataclass(frozen=True)
class AnalyzerEntry:
    """One analyzer; ``kind`` is None when it could not be loaded.

    ``unavailable_because`` is None when it can be used, with its defaults if it has them.
    """

    name: str
    kind: type[Analyzer] | None
    package: str | None
    unavailable_because: str | None

    @property
    def description(self) -> str:
        """The first line of its docstring."""
        return (self.kind.__doc__ or "").strip().partition("\n")[0] if self.kind else ""

    def settings_schema(self) -> dict[str, Any] | None:
        """Return the JSON Schema of its settings."""
        return self.kind.Settings.model_json_schema() if self.kind else None


def analyzer_entries(registry: AnalyzerRegistry, context: AnalyzerContext) -> list[AnalyzerEntry]:
    """List every analyzer, sorted by name; what is missing is looked at anew each time."""
    usable = [
        AnalyzerEntry(name, kind, registry.packages.get(name), _unavailable_because(name, kind, context))
        for name, kind in registry.analyzers.items()
    ]
    broken = [AnalyzerEntry(name, None, None, reason) for name, reason in registry.broken.items()]
    return sorted([*usable, *broken], key=lambda entry: entry.name)


def _unavailable_because(name: str, kind: type[Analyzer], context: AnalyzerContext) -> str | None:
    try:
        return kind.unavailable_because(kind.Settings(), context)
    except ValidationError:  # it has no defaults, so a pipeline has to say first
        return None
    except Exception as error:  # a plugin's; the others are listed all the same
        return f"Analyzer {name!r} is broken: {type(error).__name__}: {error}"
