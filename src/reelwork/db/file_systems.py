"""SQLite needs locks and shared memory that work; over a network they do not, and the database would be damaged."""

import re
from pathlib import Path, PurePosixPath

from reelwork.errors import ConfigurationError

_MOUNTS = Path("/proc/self/mountinfo")
_OF_A_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "9p"),
        *("ceph", "glusterfs", "lustre", "gfs2", "ocfs2", "gpfs", "beegfs", "orangefs", "pvfs2", "panfs", "wekafs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.moosefs", "fuse.mfs", "fuse.seaweedfs"),
        *("fuse.s3fs", "fuse.goofys", "fuse.mountpoint-s3", "fuse.gcsfuse", "fuse.blobfuse", "fuse.blobfuse2"),
        *("fuse.rclone", "fuse.juicefs", "fuse.davfs", "fuse.davfs2", "davfs", "fuse.curlftpfs", "fuse.smbnetfs"),
        *("fuse.nfs", "fuse.fuse-nfs", "fuse.afpfs", "fuse.lizardfs", "fuse.beegfs", "fuse.objectivefs"),
    }
)


def require_local(path: Path) -> None:
    """Make sure a database file lies, or would lie, on a file system of this machine.

    Where the system does not tell (anything but Linux), nothing is refused.

    Raises:
        ConfigurationError: It lies on a network.
    """
    try:
        mounts = _MOUNTS.read_text()
    except OSError:
        return
    kind = kind_of(PurePosixPath(path.resolve()), mounts)
    if is_of_a_network(kind):
        raise ConfigurationError(
            f"The database {path} lies on a network file system ({kind}), where SQLite loses data. "
            "Use a directory on a disk of this machine, or PostgreSQL: REELWORK_DATABASE_URL=postgresql://..."
        )


def is_of_a_network(kind: str) -> bool:
    """Tell whether a kind of file system keeps its files elsewhere."""
    return kind in _OF_A_NETWORK


def kind_of(path: PurePosixPath, mounts: str) -> str:
    """Return the kind of file system that ``path`` lies on, by the text of ``/proc/self/mountinfo``.

    >>> kind_of(PurePosixPath("/srv/x.db"), "27 1 254:0 / / rw - ext4 /dev/vda rw")
    'ext4'
    """
    kind, depth = "", 0
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        where = PurePosixPath(_unescaped(place.split(" ")[4]))
        # Of mounts on one place the later covers the earlier.
        if path.is_relative_to(where) and len(where.parts) >= depth:
            kind, depth = source.split(" ")[0], len(where.parts)
    return kind


def _unescaped(text: str) -> str:
    """Spaces and the like stand as octal numbers there."""
    octal = re.compile(rb"\\([0-7]{3})")
    return octal.sub(lambda found: bytes([int(found[1], 8)]), text.encode()).decode(errors="surrogateescape")
