"""Files in a local directory, durable when saved."""

import errno
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from reelwork import faults
from reelwork.errors import FileMissing, InvalidKey, ServiceUnavailable

# A name that starts with a dot is a temporary one of this adapter, or a way out of the root.
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_MOST_KEY_CHARACTERS = 1024  # as in S3, and well below what a path may have
_MOST_OPEN_ATTEMPTS = 100


class LocalStorage:
    """The ``StorageService`` of a directory on a local disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def save_file(self, key: str, chunks: Iterable[bytes]) -> int:
        """See ``StorageService``: a temporary file, fsynced, renamed, and its directory fsynced."""
        path = self._path(key)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            with _told_apart():
                stream = _open_new(temporary, self._root)
            size = _write_durably(stream, chunks)
            faults.point("storage.written")
            with _told_apart():
                temporary.rename(path)
                faults.point("storage.renamed")
                _sync_directory(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        return size

    def load_file(self, key: str) -> BinaryIO:
        """See ``StorageService``."""
        path = self._path(key)
        with _told_apart():
            try:
                return path.open("rb")
            except FileNotFoundError as error:
                raise FileMissing(key) from error

    def delete_file(self, key: str) -> None:
        """See ``StorageService``; a directory left empty below the first level goes with the file."""
        path = self._path(key)
        with _told_apart():
            path.unlink(missing_ok=True)
        if key.count("/") > 1:
            with suppress(OSError):  # not empty, or already gone
                path.parent.rmdir()

    @contextmanager
    def local_path(self, key: str) -> Iterator[Path]:
        """See ``StorageService``: the stored file itself."""
        path = self._path(key)
        if not path.is_file():
            raise FileMissing(key)
        yield path

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if len(key) > _MOST_KEY_CHARACTERS or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidKey(key)
        return self._root.joinpath(*parts)


def _write_durably(stream: BinaryIO, chunks: Iterable[bytes]) -> int:
    size = 0
    try:
        for chunk in chunks:  # what the source raises is not the storage's failure
            with _told_apart():
                stream.write(chunk)
            size += len(chunk)
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
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ServiceUnavailable("The file storage is full.") from error
        raise ServiceUnavailable(f"The file storage does not work: {error.strerror}.") from error


def _open_new(path: Path, root: Path) -> BinaryIO:
    # The directory may go again at once, when the last file in it is deleted at this moment.
    for _ in range(_MOST_OPEN_ATTEMPTS):
        with suppress(FileNotFoundError):
            _make_directory(path.parent, root)
            return path.open("xb")
    raise FileNotFoundError(errno.ENOENT, "its directory keeps disappearing")


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
