"""Files that commands write, and those they are given."""

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

from reelwork.errors import ReelworkError

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov")


def named_videos(names: Sequence[str]) -> list[Path]:
    """Return the files that are meant: a pattern stands for all it matches, a directory for the videos in it.

    Raises:
        typer.BadParameter: One stands for no file.
    """
    found: list[Path] = []
    for name in names:
        meant = list(_meant(name))
        if not meant:
            raise typer.BadParameter(f"There is no video {name}.", param_hint="FILE...")
        found += meant
    return list(dict.fromkeys(found))


def _meant(name: str) -> Iterator[Path]:
    path = Path(name)
    if path.is_dir():
        yield from sorted(entry for entry in path.iterdir() if entry.suffix.lower() in VIDEO_SUFFIXES)
    elif path.exists():
        yield path
    else:
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path takes no pattern from the root on
        yield from (path for path in map(Path, matches) if path.is_file())


@contextmanager
def written(output: Path | None) -> Iterator[BinaryIO]:
    """Give a file to write to: standard output, a device or a pipe itself; a file comes to its place when it is whole.

    Raises:
        ReelworkError: It cannot be written.
    """
    if output is None:
        yield typer.get_binary_stream("stdout")
        return
    in_place = not is_replaceable(output)
    target = output if in_place else output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with target.open("wb") as file:
            yield file
        if not in_place:
            target.replace(output)
    except OSError as error:
        raise ReelworkError(f"Cannot write {output}: {error.strerror}.") from error
    finally:
        if not in_place:
            target.unlink(missing_ok=True)


def is_replaceable(output: Path) -> bool:
    """Tell whether a new file may take its place: not that of a device, a pipe, or a link like /dev/stdout."""
    return not output.is_symlink() and (output.is_file() or not output.exists())
