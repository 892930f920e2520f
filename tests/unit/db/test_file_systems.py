"""Which file systems are fit for SQLite."""

from pathlib import Path, PurePosixPath

import pytest

from reelwork.db import file_systems
from reelwork.db.engine import Database
from reelwork.db.file_systems import is_of_a_network, kind_of
from reelwork.errors import ConfigurationError
from tests.support.databases import sqlite_url

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:40 / /mnt/share rw,relatime shared:2 master:1 - nfs4 server:/export rw,vers=4.2
31 30 8:1 / /mnt/share/scratch rw - xfs /dev/sdb1 rw
32 27 0:41 / /mnt/my\040videos rw,relatime - cifs //nas/videos rw
33 27 0:42 / /mnt/twice rw - nfs server:/old rw
34 27 8:2 / /mnt/twice rw - ext4 /dev/sdc1 rw
35 27 0:43 /volumes/a /data rw shared:3 - fuse.sshfs user@host:/ rw
36 27 0:44 / /mnt/\303\251t\303\251 rw - 9p host rw
""".strip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/srv/reelwork.db", "ext4"),
        ("/mnt/share/reelwork.db", "nfs4"),
        ("/mnt/shared/reelwork.db", "ext4"),
        ("/mnt/share/scratch/reelwork.db", "xfs"),
        ("/mnt/my videos/reelwork.db", "cifs"),
        ("/mnt/twice/reelwork.db", "ext4"),
        ("/data/below/reelwork.db", "fuse.sshfs"),
        ("/mnt/été/reelwork.db", "9p"),
    ],
)
def test_the_innermost_and_latest_mount_counts(path: str, kind: str) -> None:
    assert kind_of(PurePosixPath(path), MOUNTS) == kind


def test_nothing_is_known_without_mounts() -> None:
    assert kind_of(PurePosixPath("/srv/reelwork.db"), "") == ""


@pytest.mark.parametrize(
    "kind",
    ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "lustre", "afs", "fuse.sshfs", "fuse.s3fs", "ocfs2"],
)
def test_those_of_a_network(kind: str) -> None:
    assert is_of_a_network(kind)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.ntfs-3g", "apfs", ""])
def test_those_of_this_machine(kind: str) -> None:
    assert not is_of_a_network(kind)


class TestADatabaseOnANetwork:
    @pytest.fixture(autouse=True)
    def mounted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "share").mkdir()
        (tmp_path / "mountinfo").write_text(
            f"27 1 254:0 / / rw - ext4 /dev/vda rw\n28 27 0:9 / {tmp_path.resolve()}/share rw - nfs4 server:/ rw\n"
        )
        monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "mountinfo")

    def test_is_refused_in_a_sentence(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"network file system \(nfs4\), where SQLite loses data\. Use "):
            Database(sqlite_url(tmp_path / "share" / "below" / "reelwork.db"))

    def test_is_found_behind_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "share")
        with pytest.raises(ConfigurationError, match="network file system"):
            Database(sqlite_url(tmp_path / "link" / "reelwork.db"))

    def test_one_beside_it_is_not_refused(self, tmp_path: Path) -> None:
        Database(sqlite_url(tmp_path / "reelwork.db")).close()

    def test_nothing_is_refused_where_the_system_does_not_tell(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "nothing")
        Database(sqlite_url(tmp_path / "share" / "reelwork.db")).close()
