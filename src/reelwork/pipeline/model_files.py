"""The model files of a loaded pipeline, as they were when it was loaded."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from reelwork.analyzers.analyzer import Analyzer

_READ_BYTES = 2**20

_Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class ModelFiles:
    """What the answers of loaded analyzers come from, though other files may have taken their place.

    Attributes:
        sha256: The digest of each.
    """

    sha256: Mapping[Path, str]
    _identities: Mapping[Path, _Identity | None]

    @classmethod
    def of(cls, analyzers: Iterable[Analyzer]) -> Self:
        """Look at the files of analyzers that were loaded just now."""
        paths = {path for analyzer in analyzers for path in analyzer.model_files()}
        return cls({path: _digest(path) for path in paths}, {path: _identity(path) for path in paths})

    def are_in_place(self) -> bool:
        """Whether none of them was changed, exchanged or taken away meanwhile."""
        return all(_identity(path) == identity for path, identity in self._identities.items())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
