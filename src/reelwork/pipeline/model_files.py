"""The model files of a loaded analyzer, as they were when it was loaded: others may take their place."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_READ_BYTES = 2**20


@dataclass(frozen=True)
class ModelFile:
    """A file that an analyzer was loaded from."""

    path: Path
    sha256: str
    _identity: tuple[int, ...]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Look at a file that was loaded just now."""
        identity = _identity(path)  # before it is read: what is exchanged meanwhile is loaded once more
        return cls(path, _digest(path), identity)

    def is_in_place(self) -> bool:
        """Whether it was not changed, exchanged or taken away meanwhile."""
        return _identity(self.path) == self._identity


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _identity(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
