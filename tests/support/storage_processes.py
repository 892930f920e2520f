"""What processes of their own do with a local storage, where the limits of this one cannot be touched."""

import os
import resource
from pathlib import Path

from reelwork.errors import ServiceUnavailable
from reelwork.storage.local import LocalStorage

NOBODY = 65534


def save_beyond_the_size_limit(number: int, root: Path, key: str, chunk_bytes: int) -> str | None:
    """Save more than the process may write to one file; return what the storage says of it."""
    limit_bytes = 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    chunks = [bytes(chunk_bytes)] * (4 * limit_bytes // chunk_bytes)
    return _refusal(LocalStorage(root), key, chunks)


def save_without_permission(number: int, root: Path, key: str) -> str | None:
    """Save as a user who may not write there; return what the storage says of it."""
    if os.geteuid() == 0:  # who may write anywhere
        os.setuid(NOBODY)
    return _refusal(LocalStorage(root), key, [b"x"])


def _refusal(storage: LocalStorage, key: str, chunks: list[bytes]) -> str | None:
    try:
        storage.save_file(key, chunks)
    except ServiceUnavailable as error:
        return str(error) if isinstance(error.__cause__, OSError) else f"no cause: {error}"
    return None
