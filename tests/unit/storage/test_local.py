"""What the local storage does beyond the port: when it syncs, and what it says when the disk refuses."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import ServiceUnavailable, StorageFull
from reelwork.storage.local import LocalStorage
from tests.support.concurrency import in_processes
from tests.support.storage_processes import save_beyond_the_size_limit, save_without_permission

KEY = "video_jobs/one.mp4"


@pytest.fixture
def root(storage: LocalStorage) -> Path:
    """Where the storage keeps its files."""
    return storage._root


class Recorder:
    """Notes what is synced, renamed and written down of the content, in order, and lets it happen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.events: list[tuple[str, str]] = []
        self._root = root
        fsync, rename = os.fsync, Path.rename

        def recording_fsync(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            what = "directory" if path.is_dir() else f"{path.stat().st_size} bytes"
            self.events.append((f"sync {what}", self._name(path)))
            fsync(descriptor)

        def recording_rename(path: Path, target: Path) -> Path:
            self.events.append(("rename", self._name(target)))
            return rename(path, target)

        monkeypatch.setattr(os, "fsync", recording_fsync)
        monkeypatch.setattr(Path, "rename", recording_rename)

    def _name(self, path: Path) -> str:
        name = str(path.relative_to(self._root))
        return "temporary" if path.name.startswith(".") and path.name.endswith(".tmp") else name


class TestDurability:
    def test_a_large_file_is_whole_though_the_disk_has_it_before_its_end(
        self, storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: list[tuple[int, int]] = []
        advise = os.posix_fadvise

        def recording_advise(descriptor: int, start: int, length: int, advice: int) -> None:
            assert os.fstat(descriptor).st_size == start + length
            begun.append((start, length))
            advise(descriptor, start, length, advice)

        monkeypatch.setattr(os, "posix_fadvise", recording_advise)
        pieces = [bytes([number]) * (3 * 2**20 + 7) for number in range(25)]
        assert storage.save_file(KEY, pieces) == 25 * (3 * 2**20 + 7)
        assert (root / KEY).read_bytes() == b"".join(pieces)
        step = 11 * (3 * 2**20 + 7)
        assert begun == [(0, step), (step, step)]

    def test_the_file_is_synced_before_it_is_renamed_and_its_directory_after(
        self, storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage.save_file("video_jobs/other.mp4", [b"x"])
        recorder = Recorder(monkeypatch, root)
        storage.save_file(KEY, [b"abc", b"def"])
        assert recorder.events == [
            ("sync 6 bytes", "temporary"),
            ("rename", KEY),
            ("sync directory", "video_jobs"),
        ]

    def test_a_new_directory_is_synced_into_the_one_above(
        self, storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recorder = Recorder(monkeypatch, root)
        storage.save_file("video_results/job/token.json", [b"x"])
        assert recorder.events == [
            ("sync directory", "."),
            ("sync directory", "video_results"),
            ("sync 1 bytes", "temporary"),
            ("rename", "video_results/job/token.json"),
            ("sync directory", "video_results/job"),
        ]

    def test_a_file_that_cannot_be_synced_is_not_stored(
        self, storage: LocalStorage, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(descriptor: int) -> None:
            if not Path(f"/proc/self/fd/{descriptor}").readlink().is_dir():
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(ServiceUnavailable, match="does not work: Input/output error"):
            storage.save_file(KEY, [b"x"])
        assert [path for path in root.rglob("*") if path.is_file()] == []


class TestAFullDisk:
    @pytest.fixture
    def full(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every new file is on a device on which there is no space, as the kernel says itself."""
        real_open = Path.open

        def on_a_full_device(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
            stream = real_open(path, mode, *rest, **options)
            if path.name.endswith(".tmp"):
                stream.close()
                return real_open(Path("/dev/full"), "wb", *rest, **options)
            return stream

        monkeypatch.setattr(Path, "open", on_a_full_device)

    @pytest.mark.usefixtures("full")
    @pytest.mark.parametrize("chunk_bytes", [1, 8192, 8193, 1_000_000])
    def test_is_said_so(self, storage: LocalStorage, root: Path, chunk_bytes: int) -> None:
        with pytest.raises(StorageFull, match=r"^The file storage is full\.$") as caught:
            storage.save_file(KEY, [bytes(chunk_bytes)] * 3)
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ENOSPC
        assert [path for path in root.rglob("*") if path.is_file()] == []

    @pytest.mark.usefixtures("full")
    def test_does_not_hide_what_the_source_raised(self, storage: LocalStorage) -> None:
        def source() -> Iterator[bytes]:
            yield b"still in the buffer"
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            storage.save_file(KEY, source())

    def test_a_quota_is_a_full_disk(self, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        def over_quota(descriptor: int) -> None:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

        monkeypatch.setattr(os, "fsync", over_quota)
        with pytest.raises(StorageFull, match="quota is used up"):
            storage.save_file(KEY, [b"x"])


class TestADiskThatRefuses:
    @pytest.mark.parametrize("chunk_bytes", [1000, 50_000, 400_000])
    def test_part_of_the_way_through(self, tmp_path: Path, chunk_bytes: int) -> None:
        (said,) = in_processes(1, save_beyond_the_size_limit, tmp_path, KEY, chunk_bytes)
        assert said == "The file storage takes no file so large."
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def test_to_be_written_to(self) -> None:
        with tempfile.TemporaryDirectory(prefix="reelwork-") as name:
            root = Path(name)
            root.chmod(0o555)
            (said,) = in_processes(1, save_without_permission, root, KEY)
            assert said == "The file storage does not work: Permission denied."
            assert list(root.iterdir()) == []

    @pytest.mark.parametrize(
        "use",
        [
            lambda storage: storage.save_file(KEY, [b"x"]),
            lambda storage: storage.load_file(KEY),
            lambda storage: storage.delete_file(KEY),
        ],
        ids=["save", "load", "delete"],
    )
    def test_because_the_root_is_no_directory(self, tmp_path: Path, use: Callable[[LocalStorage], object]) -> None:
        root = tmp_path / "file"
        root.write_bytes(b"")
        with pytest.raises(ServiceUnavailable, match="does not work"):
            use(LocalStorage(root))
        assert root.read_bytes() == b""


class TestDirectories:
    def test_the_root_is_made_when_it_is_needed(self, tmp_path: Path) -> None:
        storage = LocalStorage(tmp_path / "not" / "there" / "yet")
        storage.delete_file(KEY)
        assert list(storage.list_files("video_jobs")) == []
        assert storage.discard_unfinished(0) == 0
        assert list(tmp_path.iterdir()) == []
        storage.save_file(KEY, [b"x"])
        assert (tmp_path / "not" / "there" / "yet" / "video_jobs" / "one.mp4").read_bytes() == b"x"

    def test_one_left_empty_goes_below_the_first_level(self, storage: LocalStorage, root: Path) -> None:
        for key in ("video_results/job/one.json", "video_results/job/two.json", KEY, "top"):
            storage.save_file(key, [b"x"])
        storage.delete_file("video_results/job/one.json")
        assert (root / "video_results" / "job").is_dir()
        storage.delete_file("video_results/job/two.json")
        assert not (root / "video_results" / "job").exists()
        assert (root / "video_results").is_dir()
        storage.delete_file(KEY)
        assert (root / "video_jobs").is_dir()

    def test_one_that_a_killed_writer_left_empty_goes_too(self, storage: LocalStorage, root: Path) -> None:
        storage.save_file("video_results/job/one.json", [b"x"])
        for folder in ("video_results/left", "video_jobs"):
            (root / folder).mkdir()
        assert storage.discard_unfinished(0) == 0
        folders = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}
        assert folders == {"video_jobs", "video_results", "video_results/job"}

    def test_one_made_for_a_file_that_could_not_be_saved_goes_again(self, storage: LocalStorage, root: Path) -> None:
        def source() -> Iterator[bytes]:
            raise ZeroDivisionError
            yield b""

        with pytest.raises(ZeroDivisionError):
            storage.save_file("video_results/job/one.json", source())
        assert [path.name for path in root.rglob("*")] == ["video_results"]

    def test_the_root_stays(self, storage: LocalStorage, root: Path) -> None:
        storage.save_file("top", [b"x"])
        storage.delete_file("top")
        assert root.is_dir()

    def test_nothing_is_copied_for_a_local_path(self, storage: LocalStorage, root: Path) -> None:
        storage.save_file(KEY, [b"x"])
        with storage.local_path(KEY) as path:
            assert path == root / KEY
        assert path.exists()


class TestADiskThatIsGone:
    """Its mount point is an empty directory; what is written there would be hidden when the disk comes back."""

    @pytest.fixture(params=["empty", "missing"])
    def gone(self, request: pytest.FixtureRequest, storage: LocalStorage, root: Path) -> Path:
        """A storage whose disk goes after the first file; where that is now."""
        storage.save_file(KEY, [b"x"])
        away = root.rename(root.with_name("away"))
        if request.param == "empty":
            root.mkdir()
        return away

    @pytest.mark.parametrize("new_process", [True, False])
    def test_takes_no_file_for_lost(self, storage: LocalStorage, root: Path, gone: Path, new_process: bool) -> None:
        storage = LocalStorage(root) if new_process else storage
        with pytest.raises(ServiceUnavailable, match="is its disk mounted"):
            storage.load_file(KEY)
        with pytest.raises(ServiceUnavailable, match="is its disk mounted"), storage.local_path(KEY):
            pass
        storage.delete_file(KEY)
        assert list(storage.list_files("video_jobs")) == []
        assert storage.discard_unfinished(0) == 0

    def test_takes_no_file_in_until_it_is_back(self, storage: LocalStorage, root: Path, gone: Path) -> None:
        with pytest.raises(ServiceUnavailable, match="is its disk mounted"):
            storage.save_file("video_jobs/two.mp4", [b"y"])
        assert not root.exists() or not list(root.iterdir())
        if root.exists():
            root.rmdir()
        gone.rename(root)
        storage.save_file("video_jobs/two.mp4", [b"y"])
        assert {file.key for file in storage.list_files("video_jobs")} == {KEY, "video_jobs/two.mp4"}
