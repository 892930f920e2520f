"""A scratch directory stays as long as the process that made it, and not longer."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reelwork.child_process import ChildProcess
from reelwork.worker.scratch import ScratchDirectory, remove_abandoned
from tests.support.concurrency import in_threads

MAKE_AND_WAIT = """
import sys
from reelwork.worker.scratch import ScratchDirectory
with ScratchDirectory() as path:
    (path / "results.json").write_text("half of")
    print(path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files, of the test's own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


@pytest.fixture
def owner(temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a scratch directory with a file in it."""
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", MAKE_AND_WAIT]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline()
        yield owner
        owner.kill()


def abandon(count: int = 1) -> None:
    """Leave directories as a killed process does: with something in them, and held by nobody."""
    for _ in range(count):
        with ScratchDirectory() as path:
            pass
        path.mkdir()
        (path / "results.json").write_text("half of")


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_goes_with_all_that_is_in_it(temporary: Path) -> None:
    with ScratchDirectory() as path:
        assert path.parent == temporary
        (path / "more").mkdir()
        (path / "more" / "results.json").write_text("{}")
    assert names(temporary) == set()


def test_stays_while_its_process_lives_and_goes_after_that(owner: subprocess.Popen[bytes], temporary: Path) -> None:
    assert remove_abandoned() == 0
    assert len(names(temporary)) == 1

    owner.send_signal(signal.SIGSTOP)
    assert remove_abandoned() == 0
    owner.kill()
    owner.wait()

    assert remove_abandoned() == 1
    assert names(temporary) == set()


def test_of_this_process_stays_too(temporary: Path) -> None:
    with ScratchDirectory() as path:
        assert remove_abandoned() == 0
        assert path.is_dir()


def open_files(_: object = None) -> list[str]:
    """Tell which files this process has open."""
    return [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


def telling_open_files() -> Callable[[object], list[str]]:
    """Set up a child that tells which files it has open."""
    return open_files


def test_a_spawned_child_does_not_hold_it() -> None:
    with ScratchDirectory() as path:
        child = ChildProcess("child", telling_open_files)
        child.send(None)
        assert child.wait_for_answer(60)
        theirs = child.answer()
        child.kill()
        assert str(path) in open_files()
    assert theirs
    assert str(path) not in theirs


def test_nothing_else_is_touched(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    abandon()
    (abandoned,) = temporary.iterdir()
    (abandoned / "link").symlink_to(precious)
    (temporary / "reelwork-scratch-link").symlink_to(precious)
    (temporary / "reelwork-scratch-file").write_text("")
    (temporary / "reelwork-0-0123456789abcdef.bells").mkdir()
    (temporary / "somebody-elses").mkdir()
    before = names(temporary) - {abandoned.name}

    assert remove_abandoned() == 1

    assert names(temporary) == before
    assert names(precious) == {"file"}


def test_what_is_somebody_elses_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    abandon()
    (abandoned,) = temporary.iterdir()
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    assert remove_abandoned() == 0
    assert names(abandoned) == {"results.json"}


def test_all_workers_may_clear_away_at_once(temporary: Path) -> None:
    abandon(200)
    removed: list[int] = []
    in_threads(4, lambda number: removed.append(remove_abandoned()))
    assert sum(removed) == 200
    assert names(temporary) == set()


def test_one_that_is_made_while_others_clear_away_is_there(temporary: Path) -> None:
    def work(number: int) -> None:
        for _ in range(300):
            if number:
                remove_abandoned()
                continue
            with ScratchDirectory() as path:
                (path / "results.json").write_text("{}")
                assert remove_abandoned() == 0

    in_threads(3, work)
    assert names(temporary) == set()


@pytest.mark.parametrize("step", ["before it is opened", "before it is locked", "while it is cleared away"])
def test_one_that_is_found_before_it_is_held_is_made_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The moment between making and holding is too short to be met by chance."""
    found: list[Path] = []
    real_open, real_flock = os.open, fcntl.flock

    def clear_away() -> None:
        if not found:
            found.extend(temporary.iterdir())
            assert remove_abandoned() == 1

    def late_open(path: os.PathLike[str], flags: int, **others: int | None) -> int:
        if step == "before it is opened":
            clear_away()
        return real_open(path, flags, **others)

    def late_flock(descriptor: int, operation: int) -> None:
        if step == "before it is locked":
            clear_away()
        elif not found:
            found.extend(temporary.iterdir())
            raise BlockingIOError
        real_flock(descriptor, operation)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", late_open)
        patch.setattr(fcntl, "flock", late_flock)
        with ScratchDirectory() as path:
            assert path not in found
            assert path.is_dir()
            patch.undo()
            remove_abandoned()
            assert names(temporary) == {path.name}


def test_where_no_locks_are_it_is_made_all_the_same_and_never_cleared_away(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError("this file system knows no locks")

    abandon()
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with ScratchDirectory() as path:
        assert remove_abandoned() == 0
        assert path.is_dir()
    assert len(names(temporary)) == 1


@pytest.mark.parametrize("known", [True, False], ids=["gone", "none was ever there"])
def test_without_a_directory_for_temporary_files(temporary: Path, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    temporary.rmdir()
    if not known:
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(temporary)])
    assert remove_abandoned() == 0
    with pytest.raises(FileNotFoundError):
        ScratchDirectory()
