"""The bell of an SQLite database: a directory of Unix sockets, one for each thread that waits."""

import hashlib
import logging
import os
import secrets
import socket
import stat
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reelwork.db.transaction import Transaction

log = logging.getLogger(__name__)

# A socket's path has at most 107 bytes on Linux, 103 elsewhere.
_LONGEST_PATH_BYTES = 103
_NAME_BYTES = 8
_RING = b"!"
_DEAF_POLL_S = 1.0


class Doorbell:
    """Rings by sending a datagram to every socket in the directory.

    Nothing is sent through them but the ring itself. A socket whose owner has gone is removed by the next
    one who rings.
    """

    def __init__(self, database: Path) -> None:
        self._directory = _directory(database)
        self._spare: deque[_Ear] = deque()

    def ring_with(self, transaction: Transaction) -> None:
        """See ``Bell``."""
        transaction.after_commit(self.ring)

    def ring(self) -> None:
        """See ``Bell``; it is heard in every process. Best effort, for what rings is committed already."""
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ringing:
            ringing.setblocking(False)
            for entry in os.scandir(self._directory):
                if not entry.name.startswith("."):
                    _ring_at(ringing, entry.path)

    @contextmanager
    def listening(self) -> Iterator["_Ear"]:
        """See ``Bell``; the socket is kept for the next one, and remembers rings meanwhile."""
        ear = self._spare_ear() or _Ear(self._directory)
        ear.forget()
        try:
            yield ear
        finally:
            self._spare.append(ear)

    def close(self) -> None:
        """See ``Bell``."""
        while ear := self._spare_ear():
            ear.close()

    def _spare_ear(self) -> "_Ear | None":
        with suppress(IndexError):
            return self._spare.pop()
        return None


class _Ear:
    """A bound socket; without one, where none can be bound, it is deaf and returns often."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / secrets.token_hex(_NAME_BYTES // 2)
        self._socket: socket.socket | None = None
        try:
            self._bind()
        except OSError:
            log.warning("doorbell.unusable", extra={"directory": str(directory)}, exc_info=True)

    def wait(self, timeout_s: float) -> None:
        """See ``Ear``."""
        if self._socket is None:
            time.sleep(min(timeout_s, _DEAF_POLL_S))
        elif not self._hears(self._socket, timeout_s) and not self._path.exists():
            with suppress(OSError):  # the directory was tidied up; perhaps it can be made again
                self._bind()

    def forget(self) -> None:
        """Let the rings until now be over."""
        if self._socket is not None:
            while self._hears(self._socket, 0):
                pass

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._path.unlink(missing_ok=True)

    def _hears(self, listening: socket.socket, timeout_s: float) -> bool:
        listening.settimeout(timeout_s)
        try:
            return bool(listening.recv(len(_RING)))
        except (TimeoutError, BlockingIOError):
            return False

    def _bind(self) -> None:
        _make(self._directory)
        hidden = self._path.with_name(f".{self._path.name}")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            listening.bind(str(hidden))
            # Renamed when it is ready: until then whoever rings would take it for one without an owner.
            hidden.rename(self._path)
        except OSError:
            listening.close()
            raise
        if self._socket is not None:
            self._socket.close()
        self._socket = listening


def _ring_at(ringing: socket.socket, path: str) -> None:
    try:
        ringing.sendto(_RING, path)
    except ConnectionRefusedError:
        Path(path).unlink(missing_ok=True)
    except OSError:
        pass  # gone meanwhile, or full of rings that its owner will hear


def _directory(database: Path) -> Path:
    """Return a directory for the sockets that everyone who uses the database agrees on."""
    beside = database.with_name(f"{database.name}.bells")
    if len(os.fsencode(beside)) + len("/.") + _NAME_BYTES <= _LONGEST_PATH_BYTES:
        return beside
    name = hashlib.sha256(os.fsencode(database)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"reelwork-{os.getuid()}-{name}.bells"


def _make(directory: Path) -> None:
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    # In a directory that all users share, somebody else may have been first.
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{directory} is not a directory of this user")
