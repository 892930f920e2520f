"""What a wheel of Reelwork has to hold: the package as it stands in the source, its metadata, and nothing else."""

from collections.abc import Iterable
from fnmatch import filter as matching
from pathlib import Path

METADATA = "reelwork-*.dist-info/*"
ESSENTIAL = (
    "reelwork/py.typed",
    "reelwork/api/static/index.html",
    "reelwork/api/static/*.css",
    "reelwork/api/static/*.js",
    "reelwork/bootstrap/doctor.mp4",
    "reelwork/db/migrations/env.py",
    "reelwork/db/migrations/versions/*.py",
    "reelwork/pipeline/shipped/*.yaml",
    "reelwork-*.dist-info/entry_points.txt",
    "reelwork-*.dist-info/licenses/LICENSE",
)


def breaches(names: Iterable[str], package: Iterable[str]) -> list[str]:
    """Say, in a sentence each, what is wrong with the content of a wheel.

    Args:
        names: Paths of the files in the wheel.
        package: Paths of the files that the package has in the source, beginning with ``reelwork/`` too.
    """
    held, wanted = set(names), set(package)
    strange = held - wanted - set(matching(held, METADATA))
    return [
        *(f"{name} does not belong there" for name in sorted(strange)),
        *(f"{name} is missing" for name in sorted(wanted - held)),
        *(f"nothing is called {pattern}" for pattern in ESSENTIAL if not matching(held, pattern)),
    ]


def package_files(source: Path) -> set[str]:
    """Return the paths of the files of the package, relative to the directory that holds it."""
    files = (path for path in (source / "reelwork").rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(source).as_posix() for path in files}
