"""Scratch directories: held as long as their worker lives, and cleared away by any other once it has gone.

The hold is an flock on the directory itself, which the kernel lets go of however a process ends. The analysis
process that writes there does not inherit it, and ends with its worker.
"""

import fcntl
import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

log = logging.getLogger(__name__)

_PREFIX = "reelwork-scratch-"
_THE_DIRECTORY_ITSELF = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class ScratchDirectory:
    """A new directory of this process's own, for the time of a ``with`` block."""

    def __init__(self) -> None:
        """Make it.

        Raises:
            OSError: There is no directory for temporary files that can be written to.
        """
        # Another worker may find it before it is held, and clear it away: then there is another one.
        while (descriptor := _hold(path := Path(tempfile.mkdtemp(prefix=_PREFIX)), where_no_locks_are=True)) is None:
            pass
        self._path = path
        self._descriptor = descriptor

    def __enter__(self) -> Path:
        return self._path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._descriptor)


def remove_abandoned() -> int:
    """Remove the scratch directories of this user whose process has gone; return how many.

    Safe in every worker at once.
    """
    removed = 0
    with suppress(OSError):  # no directory for temporary files: whoever needs one says so
        for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            removed += _remove_if_abandoned(path)
    return removed


def _remove_if_abandoned(path: Path) -> bool:
    try:
        descriptor = _hold(path, where_no_locks_are=False)
    except OSError:  # a link, a file, or somebody else's
        return False
    if descriptor is None:
        return False
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            return False
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)
    if path.exists():
        return False
    log.warning("scratch.removed", extra={"directory": str(path)})
    return True


def _hold(path: Path, *, where_no_locks_are: bool) -> int | None:
    """Return a descriptor that holds the directory as long as it is open.

    Args:
        path: The directory.
        where_no_locks_are: Whether one on a file system that knows no locks counts as held.

    Returns:
        The descriptor; None when the directory is gone or somebody else holds it.
    """
    try:
        descriptor = os.open(path, _THE_DIRECTORY_ITSELF)
    except FileNotFoundError:
        return None
    if _lock(descriptor, where_no_locks_are) and _is_still_at(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int, where_no_locks_are: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return where_no_locks_are
    return True


def _is_still_at(path: Path, descriptor: int) -> bool:
    """Tell whether nobody removed the directory before it was locked."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False
