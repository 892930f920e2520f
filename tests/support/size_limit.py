"""Refuse a running process to write beyond a size, as a full disk does: its writes fail half way.

The kernel's limit on the size of files needs no privileges, holds for that one process and can be lifted
again; its error (EFBIG) is told as a full disk is (ENOSPC).
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_file_beyond(pid: int, size_bytes: int) -> Iterator[None]:
    """Let every write of a process fail that goes beyond ``size_bytes`` of a file, for the time of the context."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
