"""The doorbell of an SQLite database."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reelwork.db.engine import Database
from reelwork.queues.doorbell import Doorbell


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a database could be; so short that its sockets lie beside it whatever the user is called."""
    return tmp_path_factory.mktemp("d") / "reelwork.db"


@pytest.fixture
def bell(place: Path) -> Iterator[Doorbell]:
    bell = Doorbell(place)
    yield bell
    bell.close()


def sockets(place: Path) -> list[Path]:
    directory = place.with_name("reelwork.db.bells")
    return sorted(directory.iterdir()) if directory.exists() else []


def hears(bell: Doorbell, ring: object) -> bool:
    """Whether a wait ends at once when ``ring`` was called while listening."""
    assert callable(ring)
    with bell.listening() as ear:
        ring()
        began = time.monotonic()
        ear.wait(0.5)
        return time.monotonic() - began < 0.4


class TestRinging:
    def test_is_heard_by_everyone_who_listens(self, place: Path) -> None:
        bells = [Doorbell(place) for _ in range(3)]
        with bells[0].listening() as first, bells[0].listening() as second, bells[1].listening() as third:
            bells[2].ring()
            began = time.monotonic()
            for ear in (first, second, third):
                ear.wait(20)
            assert time.monotonic() - began < 10
        for bell in bells:
            bell.close()

    def test_before_the_wait_is_heard(self, bell: Doorbell) -> None:
        assert hears(bell, bell.ring)

    def test_of_long_ago_is_forgotten(self, bell: Doorbell) -> None:
        with bell.listening():
            pass
        bell.ring()
        assert not hears(bell, lambda: None)

    def test_many_times_harms_nobody(self, bell: Doorbell) -> None:
        with bell.listening() as ear:
            for _ in range(2000):
                bell.ring()
            ear.wait(20)
        assert not hears(bell, lambda: None)

    def test_where_nobody_ever_listened(self, bell: Doorbell, place: Path) -> None:
        bell.ring()
        assert sockets(place) == []

    def test_comes_with_the_commit(self, sqlite_database: Database) -> None:
        bell = Doorbell(Path(sqlite_database.engine.url.database or ""))
        with bell.listening() as ear:
            with sqlite_database.writing() as transaction:
                bell.ring_with(transaction)
                bell.ring_with(transaction)
                assert not _rings(ear)
            assert _rings(ear)
            assert not _rings(ear)
        bell.close()

    def test_does_not_come_with_a_rollback(self, sqlite_database: Database) -> None:
        bell = Doorbell(Path(sqlite_database.engine.url.database or ""))

        def ring_and_break() -> None:
            with sqlite_database.writing() as transaction:
                bell.ring_with(transaction)
                raise ZeroDivisionError

        with bell.listening() as ear:
            with pytest.raises(ZeroDivisionError):
                ring_and_break()
            assert not _rings(ear)
        bell.close()

    def test_that_cannot_be_done_fails_no_commit(
        self, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bell = Doorbell(Path(sqlite_database.engine.url.database or ""))
        with bell.listening():
            monkeypatch.setattr(socket, "socket", _no_socket)
            with sqlite_database.writing() as transaction:
                bell.ring_with(transaction)
        monkeypatch.undo()
        bell.close()


def _no_socket(*_: object) -> None:
    raise OSError(24, "Too many open files")


def _rings(ear: object) -> bool:
    listening = ear._socket  # type: ignore[attr-defined]
    assert listening is not None
    return bool(ear._hears(listening, 0.05))  # type: ignore[attr-defined]


class TestSockets:
    def test_are_used_again(self, bell: Doorbell, place: Path) -> None:
        for _ in range(3):
            assert hears(bell, bell.ring)
        assert len(sockets(place)) == 1

    def test_go_with_the_bell(self, bell: Doorbell, place: Path) -> None:
        with bell.listening():
            pass
        bell.close()
        assert sockets(place) == []
        assert hears(bell, bell.ring)

    def test_of_a_process_that_was_killed_go_with_the_next_ring(self, bell: Doorbell, place: Path) -> None:
        program = (
            "import sys, signal; from pathlib import Path; from reelwork.queues.doorbell import Doorbell\n"
            "with Doorbell(Path(sys.argv[1])).listening(): print('listening', flush=True); signal.pause()"
        )
        with subprocess.Popen([sys.executable, "-c", program, str(place)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening\n"
            assert len(sockets(place)) == 1
            process.kill()
        assert hears(bell, bell.ring)
        assert len(sockets(place)) == 1
        bell.close()
        assert sockets(place) == []

    def test_that_were_removed_are_made_again(self, bell: Doorbell, place: Path) -> None:
        with bell.listening() as ear:
            for path in sockets(place):
                path.unlink()
            place.with_name("reelwork.db.bells").rmdir()
            ear.wait(0.01)
            assert len(sockets(place)) == 1
            bell.ring()
            assert _rings(ear)

    def test_are_not_taken_for_lost_while_they_are_made(self, bell: Doorbell, place: Path) -> None:
        stop = threading.Event()

        def ring_on() -> None:
            while not stop.is_set():
                bell.ring()

        ringing = threading.Thread(target=ring_on)
        ringing.start()
        try:
            for _ in range(50):
                own = Doorbell(place)
                with own.listening() as ear:
                    ear.wait(20)
                    assert ear._path.exists()
                own.close()
        finally:
            stop.set()
            ringing.join()


class TestALongPath:
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        directory = tmp_path / ("very_" * 30)
        directory.mkdir()
        return directory / "reelwork.db"

    def test_is_heard_all_the_same(
        self, place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory_of_the_system = tmp_path_factory.mktemp("t")
        monkeypatch.setattr("tempfile.tempdir", str(directory_of_the_system))
        bell, other = Doorbell(place), Doorbell(place)
        assert hears(bell, other.ring)
        assert not hears(bell, Doorbell(place.with_name("another.db")).ring)
        (directory,) = directory_of_the_system.glob("reelwork-*.bells")
        assert directory.stat().st_mode & 0o777 == 0o700
        bell.close()

    def test_a_directory_of_somebody_else_is_not_used(
        self, place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory_of_the_system = tmp_path_factory.mktemp("t")
        monkeypatch.setattr("tempfile.tempdir", str(directory_of_the_system))
        monkeypatch.setattr(os, "getuid", lambda: 4321)
        bell = Doorbell(place)
        with bell.listening() as ear:
            began = time.monotonic()
            ear.wait(0.1)
            assert time.monotonic() - began >= 0.1
        (directory,) = directory_of_the_system.glob("reelwork-*.bells")
        assert list(directory.iterdir()) == []


def test_where_no_socket_can_be_bound_one_waits(place: Path) -> None:
    place.with_name("reelwork.db.bells").write_bytes(b"")
    bell = Doorbell(place)
    assert not hears(bell, bell.ring)
