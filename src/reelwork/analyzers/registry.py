"""Find analyzers by their entry points; a broken plugin is reported and stops nothing else."""

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Self

from reelwork.analyzers.analyzer import Analyzer

ENTRY_POINT_GROUP = "reelwork.analyzers"


class AnalyzerRegistry:
    """The analyzers that can be used here, and the reasons why others cannot.

    Attributes:
        analyzers: Analyzer classes by name.
        broken: For each entry point that could not be loaded, why.
        packages: For each analyzer by name, the package it comes from and its version.
    """

    def __init__(
        self,
        analyzers: Mapping[str, type[Analyzer]],
        broken: Mapping[str, str] | None = None,
        packages: Mapping[str, str] | None = None,
    ) -> None:
        self.analyzers = dict(analyzers)
        self.broken = dict(broken or {})
        self.packages = dict(packages or {})

    @classmethod
    def installed(cls) -> Self:
        """Load every analyzer that an installed package declares."""
        return cls.from_entry_points(entry_points(group=ENTRY_POINT_GROUP))

    @classmethod
    def from_entry_points(cls, points: Iterable[EntryPoint]) -> Self:
        """Load the given entry points, in the order of their names."""
        analyzers: dict[str, type[Analyzer]] = {}
        broken: dict[str, str] = {}
        packages: dict[str, str] = {}
        for point in sorted(points, key=lambda point: (point.name, point.value)):
            if point.name in analyzers:
                broken[f"{point.name} ({point.value})"] = f"another package already provides {point.name!r}"
                continue
            try:
                analyzers[point.name] = _load(point)
                if point.dist is not None:
                    packages[point.name] = f"{point.dist.name} {point.dist.version}"
            except BaseException as error:  # a plugin may raise anything at import, even SystemExit
                if isinstance(error, KeyboardInterrupt):
                    raise
                broken[point.name] = f"{point.value} could not be loaded: {type(error).__name__}: {error}"
        return cls(analyzers, broken, packages)


def _load(point: EntryPoint) -> type[Analyzer]:
    loaded = point.load()
    if not (isinstance(loaded, type) and issubclass(loaded, Analyzer)):
        raise TypeError("it is not a subclass of reelwork.analyzers.Analyzer")
    return loaded
