"""The files of a source tree, with or without git."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent


def source_files(root: Path) -> list[PurePosixPath]:
    """Return every file below ``root`` that is not ignored, relative to it and in order.

    Raises:
        ValueError: ``.gitignore`` says something other than names of files and directories.
    """
    ignored = [".git", *_ignored(root / ".gitignore")]
    return sorted(PurePosixPath(path.relative_to(root)) for path in _walk(root, ignored))


def _ignored(path: Path) -> Iterator[str]:
    lines = path.read_text().splitlines() if path.exists() else []
    for line in lines:
        name = line.rstrip("/")
        if not name or name.startswith("#"):
            continue
        if name.startswith("!") or "/" in name:
            raise ValueError(f"{path}: only plain names are understood, not {line!r}")
        yield name


def _walk(directory: Path, ignored: list[str]) -> Iterator[Path]:
    for path in directory.iterdir():
        if any(fnmatchcase(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from _walk(path, ignored)
        else:
            yield path
