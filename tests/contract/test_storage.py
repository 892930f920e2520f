"""What every storage promises (`storage/service.py`), checked on each of them."""

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from uuid import UUID

import pytest

from reelwork.errors import FileMissing, InvalidKey, ServiceUnavailable
from reelwork.storage.local import LocalStorage
from reelwork.storage.service import StorageService, results_key, video_key
from tests.support.concurrency import in_threads
from tests.support.memory import peak_growth_bytes
from tests.support.waiting import wait_until

KEY = "video_jobs/one.mp4"
MEBIBYTE = 2**20

INVALID_KEYS = [
    "",
    ".",
    "..",
    "/",
    "../x",
    "a/../b",
    "a/..",
    "../../etc/passwd",
    "/abs",
    "/video_jobs/x",
    "a//b",
    "a/",
    "a/./b",
    ".hidden",
    "a/.hidden",
    "a\x00b",
    "a\\b",
    "..\\x",
    "a b",
    "a\n",
    "a\nb",
    "a:b",
    "~",
    "~root/x",
    "%2e%2e/x",
    "ä.mp4",
    "視頻",
    "a\u2025b",
    "a\uff0fb",
    "٣",
    "a" * 201,
    "b/" + "a" * 5000,
    "a/" * 5000 + "a",
    "a/" * 512 + "a",
]


@pytest.fixture(params=["local"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> StorageService:
    """Every storage there is."""
    return {"local": lambda: LocalStorage(tmp_path / "storage")}[request.param]()


@pytest.fixture
def everything_stored(tmp_path: Path) -> Callable[[], list[str]]:
    """List every file the storage keeps, temporary ones too."""
    root = tmp_path / "storage"
    return lambda: sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def loaded(storage: StorageService, key: str) -> bytes:
    with storage.load_file(key) as stream:
        return stream.read()


class TestSaving:
    @pytest.mark.parametrize(
        ("chunks", "content"),
        [
            ([b"one"], b"one"),
            ([b"one", b"", b"two", bytes(range(256))], b"onetwo" + bytes(range(256))),
            ([], b""),
            ([b""], b""),
        ],
    )
    def test_what_is_saved_is_what_is_loaded(
        self, storage: StorageService, chunks: list[bytes], content: bytes
    ) -> None:
        assert storage.save_file(KEY, chunks) == len(content)
        assert loaded(storage, KEY) == content
        with storage.local_path(KEY) as path:
            assert path.read_bytes() == content

    def test_chunks_may_come_from_a_generator(self, storage: StorageService) -> None:
        assert storage.save_file(KEY, (bytes([n]) * n for n in range(100))) == sum(range(100))
        assert loaded(storage, KEY) == b"".join(bytes([n]) * n for n in range(100))

    def test_a_file_is_replaced_whole(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"the longer one that was there before"])
        assert storage.save_file(KEY, [b"short"]) == 5
        assert loaded(storage, KEY) == b"short"

    def test_who_reads_while_it_is_replaced_reads_the_old_one(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"old"])
        with storage.load_file(KEY) as stream:
            storage.save_file(KEY, [b"new"])
            assert stream.read() == b"old"
        assert loaded(storage, KEY) == b"new"

    def test_files_of_other_keys_stay_as_they_are(self, storage: StorageService) -> None:
        keys = ["a.mp4", "b/a.mp4", "b/c/a.mp4", "A.mp4", "a-b_c.d.mp4", "0"]
        for key in keys:
            storage.save_file(key, [key.encode()])
        for key in keys:
            assert loaded(storage, key) == key.encode()

    def test_the_keys_the_service_uses(self, storage: StorageService) -> None:
        job_id, token = UUID(int=1), UUID(int=2)
        assert video_key(job_id) == "video_jobs/00000000-0000-0000-0000-000000000001.mp4"
        assert results_key(job_id, token) == f"video_results/{job_id}/{token}.json"
        for key in (video_key(job_id), results_key(job_id, token)):
            assert storage.save_file(key, [b"x"]) == 1

    def test_the_longest_name_works(self, storage: StorageService) -> None:
        key = "a" * 200 + "/" + "b" * 200
        storage.save_file(key, [b"x"])
        assert loaded(storage, key) == b"x"


class TestAFailingSource:
    class Broken(Exception):
        pass

    def breaking_off(self) -> Iterator[bytes]:
        yield b"the beginning"
        raise self.Broken("the client went away")

    def test_leaves_nothing(self, storage: StorageService, everything_stored: Callable[[], list[str]]) -> None:
        with pytest.raises(self.Broken, match="the client went away"):
            storage.save_file(KEY, self.breaking_off())
        with pytest.raises(FileMissing):
            storage.load_file(KEY)
        assert everything_stored() == []

    def test_leaves_the_file_that_was_there(
        self, storage: StorageService, everything_stored: Callable[[], list[str]]
    ) -> None:
        storage.save_file(KEY, [b"before"])
        with pytest.raises(self.Broken):
            storage.save_file(KEY, self.breaking_off())
        assert loaded(storage, KEY) == b"before"
        assert everything_stored() == [KEY]

    @pytest.mark.parametrize("raised", [OSError(5, "of the client"), FileNotFoundError(2, "of the client")])
    def test_is_not_taken_for_a_failing_storage(self, storage: StorageService, raised: OSError) -> None:
        def source() -> Iterator[bytes]:
            yield b"x"
            raise raised

        with pytest.raises(OSError, match="of the client") as caught:
            storage.save_file(KEY, source())
        assert caught.value is raised

    def test_an_interrupt_leaves_nothing_either(
        self, storage: StorageService, everything_stored: Callable[[], list[str]]
    ) -> None:
        def source() -> Iterator[bytes]:
            yield b"x"
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            storage.save_file(KEY, source())
        assert everything_stored() == []

    def test_nothing_is_seen_before_the_end(self, storage: StorageService) -> None:
        def source() -> Iterator[bytes]:
            yield b"x" * MEBIBYTE
            with pytest.raises(FileMissing):
                storage.load_file(KEY)
            yield b"y"

        assert storage.save_file(KEY, source()) == MEBIBYTE + 1


class TestLoading:
    def test_can_seek(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"0123456789"])
        with storage.load_file(KEY) as stream:
            assert stream.seek(-3, os.SEEK_END) == 7
            assert stream.read(2) == b"78"
            stream.seek(1)
            assert stream.read(2) == b"12"

    def test_cannot_write(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"0123456789"])
        with storage.load_file(KEY) as stream, pytest.raises(io.UnsupportedOperation):
            stream.write(b"x")

    def test_what_is_not_there(self, storage: StorageService) -> None:
        storage.save_file(
            "something/else", [b"x"]
        )  # a storage that has nothing at all may be taken for one that is gone
        for key in ("missing", "video_jobs/missing.mp4", "no/such/directory"):
            with pytest.raises(FileMissing, match=key):
                storage.load_file(key)
            with pytest.raises(FileMissing, match=key), storage.local_path(key):
                pass


class TestDeleting:
    def test_removes_that_file_alone(self, storage: StorageService, everything_stored: Callable[[], list[str]]) -> None:
        storage.save_file(KEY, [b"x"])
        storage.save_file("video_jobs/two.mp4", [b"y"])
        storage.delete_file(KEY)
        with pytest.raises(FileMissing):
            storage.load_file(KEY)
        assert everything_stored() == ["video_jobs/two.mp4"]

    def test_what_is_not_there_is_no_error(self, storage: StorageService) -> None:
        for key in (KEY, "missing", "no/such/directory"):
            storage.delete_file(key)
            storage.delete_file(key)

    def test_a_key_can_be_used_again(self, storage: StorageService) -> None:
        for key in ("top", KEY, "a/b/c.json"):
            for content in (b"one", b"two"):
                storage.save_file(key, [content])
                assert loaded(storage, key) == content
                storage.delete_file(key)

    def test_who_reads_it_reads_on(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"0123456789"])
        with storage.load_file(KEY) as stream:
            storage.delete_file(KEY)
            assert stream.read() == b"0123456789"


class TestListing:
    def listed(self, storage: StorageService, folder: str) -> dict[str, int]:
        files = list(storage.list_files(folder))
        assert len({file.key for file in files}) == len(files)
        return {file.key: file.size for file in files}

    def test_gives_every_file_of_the_folder_and_of_those_in_it(self, storage: StorageService) -> None:
        sizes = {"a/1": 1, "a/2.json": 0, "a/b/3": 3, "a/b/c/4": 4, "ab/5": 5, "b/a/6": 6, "top": 7}
        for key, size in sizes.items():
            storage.save_file(key, [bytes(size)])
        assert self.listed(storage, "a") == {"a/1": 1, "a/2.json": 0, "a/b/3": 3, "a/b/c/4": 4}
        assert self.listed(storage, "a/b") == {"a/b/3": 3, "a/b/c/4": 4}
        assert self.listed(storage, "b") == {"b/a/6": 6}

    def test_of_what_is_no_folder_is_empty(self, storage: StorageService) -> None:
        assert self.listed(storage, "a") == {}
        storage.save_file("a/b", [b"x"])
        assert self.listed(storage, "a/b") == {}
        assert self.listed(storage, "c/d") == {}

    def test_leaves_out_files_that_are_not_whole(self, storage: StorageService) -> None:
        def source() -> Iterator[bytes]:
            yield b"x" * MEBIBYTE
            assert self.listed(storage, "video_jobs") == {}

        storage.save_file(KEY, source())
        assert self.listed(storage, "video_jobs") == {KEY: MEBIBYTE}

    def test_says_how_old_a_file_is(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"x"])
        (file,) = storage.list_files("video_jobs")
        assert 0 <= file.age_s < 60
        wait_until(lambda: all(later.age_s > file.age_s for later in storage.list_files("video_jobs")))

    @pytest.mark.parametrize("off_s", [-3600.0, 3600.0])
    def test_the_clock_of_the_process_does_not_matter(
        self, storage: StorageService, monkeypatch: pytest.MonkeyPatch, off_s: float
    ) -> None:
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + off_s)
        storage.save_file(KEY, [b"x"])
        assert [0 <= file.age_s < 60 for file in storage.list_files("video_jobs")] == [True]
        assert storage.discard_unfinished(60) == 0

    def test_files_may_be_removed_meanwhile(self, storage: StorageService) -> None:
        keys = {f"a/{number // 10}/{number}" for number in range(100)}
        for key in keys:
            storage.save_file(key, [b"x"])
        seen = set()
        for file in storage.list_files("a"):
            storage.delete_file(file.key)
            seen.add(file.key)
        assert seen == keys
        assert list(storage.list_files("a")) == []

    def test_nothing_is_left_of_having_looked(
        self, storage: StorageService, everything_stored: Callable[[], list[str]]
    ) -> None:
        storage.save_file(KEY, [b"x"])
        list(storage.list_files("video_jobs"))
        storage.discard_unfinished(0)
        assert everything_stored() == [KEY]


class TestDiscarding:
    @pytest.fixture
    def abandoned(self, storage: StorageService) -> Iterator[None]:
        """Two files whose writers stopped half way; a process that was killed runs no clean-up."""
        writers = [_abandon(storage, key) for key in (KEY, "video_results/one/two.json")]
        yield
        for thread, go_on in writers:
            go_on.set()
            thread.join()

    @pytest.mark.usefixtures("abandoned")
    def test_removes_what_has_no_writer_any_more(
        self, storage: StorageService, everything_stored: Callable[[], list[str]]
    ) -> None:
        storage.save_file("video_jobs/whole.mp4", [b"x"])
        assert len(everything_stored()) == 3
        assert storage.discard_unfinished(0) == 2
        assert everything_stored() == ["video_jobs/whole.mp4"]
        assert storage.discard_unfinished(0) == 0

    @pytest.mark.usefixtures("abandoned")
    def test_leaves_what_is_not_old_enough(
        self, storage: StorageService, everything_stored: Callable[[], list[str]]
    ) -> None:
        assert storage.discard_unfinished(60) == 0
        assert len(everything_stored()) == 2

    def test_who_writes_on_all_the_same_is_told(self, storage: StorageService) -> None:
        def source() -> Iterator[bytes]:
            yield b"x"
            assert storage.discard_unfinished(0) == 1
            yield b"y"

        storage.save_file("something/else", [b"x"])
        with pytest.raises(ServiceUnavailable):
            storage.save_file(KEY, source())
        with pytest.raises(FileMissing):
            storage.load_file(KEY)

    def test_nothing_stored_is_no_error(self, storage: StorageService, tmp_path: Path) -> None:
        assert storage.discard_unfinished(0) == 0
        assert list(tmp_path.iterdir()) == []


def _abandon(storage: StorageService, key: str) -> tuple[threading.Thread, threading.Event]:
    """Begin to save a file in a thread, and stop half way until told to go on to fail."""
    half_way, go_on = threading.Event(), threading.Event()

    def source() -> Iterator[bytes]:
        yield b"x" * MEBIBYTE
        half_way.set()
        go_on.wait()
        raise ConnectionAbortedError

    def write() -> None:
        with suppress(ConnectionAbortedError):
            storage.save_file(key, source())

    thread = threading.Thread(target=write)
    thread.start()
    half_way.wait()
    return thread, go_on


class TestKeys:
    @pytest.mark.parametrize("key", INVALID_KEYS, ids=lambda key: ascii(key[:20]))
    def test_one_that_is_no_plain_relative_path_is_refused(
        self, storage: StorageService, key: str, tmp_path: Path
    ) -> None:
        def source() -> Iterator[bytes]:
            raise AssertionError("nothing may be read for a key that is refused")
            yield b""

        with pytest.raises(InvalidKey):
            storage.save_file(key, source())
        with pytest.raises(InvalidKey):
            storage.load_file(key)
        with pytest.raises(InvalidKey):
            storage.delete_file(key)
        with pytest.raises(InvalidKey), storage.local_path(key):
            pass
        with pytest.raises(InvalidKey):
            list(storage.list_files(key))
        assert list(tmp_path.iterdir()) == []


class TestMemory:
    def test_is_flat_in_the_size_of_the_file(self, storage: StorageService) -> None:
        chunk = bytes(64 * 1024)
        size = 200 * MEBIBYTE

        def save() -> None:
            assert storage.save_file(KEY, repeat(chunk, size // len(chunk))) == size

        assert peak_growth_bytes(save) < MEBIBYTE
        with storage.local_path(KEY) as path:
            assert path.stat().st_size == size

    def test_is_flat_in_how_many_files_are_listed(self, storage: StorageService) -> None:
        for number in range(3000):
            storage.save_file(f"video_results/{number % 30}/{number}.json", [b""])

        def look() -> None:
            assert sum(1 for _ in storage.list_files("video_results")) == 3000

        assert peak_growth_bytes(look) < 100_000


class TestConcurrency:
    def test_of_several_files_of_one_key_one_is_kept_whole(
        self, storage: StorageService, everything_stored: Callable[[], list[str]]
    ) -> None:
        def work(number: int) -> int:
            return storage.save_file(KEY, repeat(bytes([number]) * 1000, 50))

        assert in_threads(8, work) == [50_000] * 8
        content = loaded(storage, KEY)
        assert len(content) == 50_000
        assert len(set(content)) == 1
        assert everything_stored() == [KEY]

    def test_readers_never_see_part_of_a_file(self, storage: StorageService) -> None:
        storage.save_file(KEY, [b"\x00" * 5000])
        done = threading.Event()

        def work(number: int) -> None:
            if number == 0:
                for turn in range(40):
                    storage.save_file(KEY, repeat(bytes([turn]) * 1000, 5))
                done.set()
                return
            while not done.wait(0.001):  # or the writer, which shares the interpreter, hardly has a turn
                content = loaded(storage, KEY)
                assert len(content) == 5000
                assert len(set(content)) == 1

        in_threads(3, work)

    def test_files_come_and_go_in_one_place(self, storage: StorageService) -> None:
        """A directory that is left empty may go at the very moment the next file comes."""

        def work(number: int) -> None:
            key = f"video_results/one/{number}.json"
            for _ in range(60):
                assert storage.save_file(key, [b"x"]) == 1
                assert loaded(storage, key) == b"x"
                storage.delete_file(key)

        in_threads(4, work)
