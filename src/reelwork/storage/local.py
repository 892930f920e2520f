"""Files in a local directory, durable when saved."""

import errno
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from reelwork import faults
from reelwork.errors import FileMissing, InvalidKey, ServiceUnavailable, StorageFull
from reelwork.storage.service import StoredFile

# A name that starts with a dot is a temporary one of this adapter, or a way out of the root.
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{32}\.tmp")
_MOST_KEY_CHARACTERS = 1024  # as in S3, and well below what a path may have
_MOST_OPEN_ATTEMPTS = 100
_WRITE_BACK_BYTES = 2**25
_REFUSED_FOR_SIZE = {
    errno.ENOSPC: "The file storage is full.",
    errno.EDQUOT: "The file storage is full: its quota is used up.",
    errno.EFBIG: "The file storage takes no file so large.",
}
_GONE = "The file storage is empty or not there: is its disk mounted?"


class LocalStorage:
    """The ``StorageService`` of a directory on a local disk.

    The folders of the first level stay for ever. When they are gone, the root is the mount point of a disk
    that is not mounted: what is saved there would be hidden when the disk comes back.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._in_use = self._has_folders()

    def save_file(self, key: str, chunks: Iterable[bytes]) -> int:
        """See ``StorageService``: a temporary file, fsynced, renamed, and its directory fsynced."""
        path = self._path(key)
        temporary = _temporary(path)
        try:
            with _told_apart():
                stream = self._open_new(temporary)
            size = _write_durably(stream, chunks)
            faults.point("storage.written")
            with _told_apart():
                temporary.rename(path)
                faults.point("storage.renamed")
                _sync_directory(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            self._remove_if_empty(path.parent)
            raise
        self._in_use = self._in_use or "/" in key
        return size

    def load_file(self, key: str) -> BinaryIO:
        """See ``StorageService``."""
        path = self._path(key)
        with _told_apart():
            try:
                return path.open("rb")
            except FileNotFoundError as error:
                raise self._missing(key) from error

    def delete_file(self, key: str) -> None:
        """See ``StorageService``; a directory left empty below the first level goes with the file."""
        path = self._path(key)
        with _told_apart():
            path.unlink(missing_ok=True)
        self._remove_if_empty(path.parent)

    @contextmanager
    def local_path(self, key: str) -> Iterator[Path]:
        """See ``StorageService``: the stored file itself."""
        path = self._path(key)
        with _told_apart():
            if not path.is_file():
                raise self._missing(key)
        yield path

    def list_files(self, folder: str) -> Iterator[StoredFile]:
        """See ``StorageService``."""
        start = self._path(folder)
        with _told_apart():
            if not start.is_dir():
                return
            now = self._now()
        for entry in _walk(start):
            if _PART.fullmatch(entry.name) and (stat := _stat(entry)):
                # Not by pathlib, which has the interpreter keep every name it meets.
                key = entry.path.removeprefix(f"{self._root}/")
                yield StoredFile(key, stat.st_size, now - stat.st_mtime)

    def discard_unfinished(self, older_than_s: float) -> int:
        """See ``StorageService``; directories that were left empty go too."""
        with _told_apart():
            if not self._has_folders():
                return 0
            now = self._now()
        discarded = 0
        for entry in _walk(self._root, leaving=self._remove_if_empty):
            if _TEMPORARY.fullmatch(entry.name) and (stat := _stat(entry)) and now - stat.st_mtime >= older_than_s:
                with _told_apart():
                    Path(entry.path).unlink(missing_ok=True)
                discarded += 1
        return discarded

    def _open_new(self, path: Path) -> BinaryIO:
        # Its directory may go again at once, when the last file in it is deleted at this moment.
        for _ in range(_MOST_OPEN_ATTEMPTS):
            with suppress(FileNotFoundError):
                return path.open("xb")
            if self._in_use and not self._has_folders():
                raise ServiceUnavailable(_GONE)
            _make_directory(path.parent, self._root)
        raise FileNotFoundError(errno.ENOENT, "its directory keeps disappearing")

    def _now(self) -> float:
        """Return the time that a file written now is stamped with; a file server has a clock of its own."""
        os.utime(self._root)
        return self._root.stat().st_mtime

    def _has_folders(self) -> bool:
        try:
            with os.scandir(self._root) as entries:
                return any(entry.is_dir() for entry in entries)
        except OSError:
            return False

    def _missing(self, key: str) -> Exception:
        return FileMissing(key) if self._has_folders() else ServiceUnavailable(_GONE)

    def _remove_if_empty(self, directory: Path) -> None:
        """Remove an empty directory below the first level."""
        if self._root in directory.parent.parents:
            with suppress(OSError):  # not empty, or already gone
                directory.rmdir()

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if len(key) > _MOST_KEY_CHARACTERS or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidKey(key)
        return self._root.joinpath(*parts)


def _write_durably(stream: BinaryIO, chunks: Iterable[bytes]) -> int:
    size = started = 0
    try:
        for chunk in chunks:  # what the source raises is not the storage's failure
            with _told_apart():
                stream.write(chunk)
                size += len(chunk)
                if size - started >= _WRITE_BACK_BYTES:
                    stream.flush()
                    # The kernel begins to write what is new, so that little is left for fsync; it drops no page
                    # that is not written yet.
                    os.posix_fadvise(stream.fileno(), started, size - started, os.POSIX_FADV_DONTNEED)
                    started = size
            faults.point("storage.writing")
        with _told_apart():
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        with suppress(OSError):  # closing tries once more to write what a full disk refused
            stream.close()
    return size


@contextmanager
def _told_apart() -> Iterator[None]:
    """Turn the system's refusals into ``ServiceUnavailable``."""
    try:
        yield
    except OSError as error:
        if error.errno in _REFUSED_FOR_SIZE:
            raise StorageFull(_REFUSED_FOR_SIZE[error.errno]) from error
        raise ServiceUnavailable(f"The file storage does not work: {error.strerror}.") from error


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")


def _walk(directory: Path, leaving: Callable[[Path], None] = lambda directory: None) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a directory, whatever comes and goes meanwhile; call ``leaving`` after each directory."""
    with _told_apart(), suppress(FileNotFoundError):
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(Path(entry.path), leaving)
                else:
                    yield entry
        leaving(directory)


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what is known of a regular file; None when it is none, or gone."""
    with _told_apart():
        try:
            return entry.stat(follow_symlinks=False) if entry.is_file(follow_symlinks=False) else None
        except FileNotFoundError:
            return None


def _make_directory(directory: Path, root: Path) -> None:
    if directory.is_dir():
        return
    if directory != root:
        _make_directory(directory.parent, root)
        with suppress(FileExistsError):
            directory.mkdir()
        _sync_directory(directory.parent)
    else:
        directory.mkdir(parents=True, exist_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
