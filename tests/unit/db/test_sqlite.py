"""What is done to an SQLite file, and when: WAL once, whoever comes first."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from reelwork.db.engine import Database
from reelwork.db.migrate import migrate
from reelwork.errors import ServiceUnavailable
from tests.support.concurrency import in_processes, in_threads
from tests.support.databases import opened, rows, run, sqlite_url
from tests.support.pausing import state
from tests.support.waiting import wait_until
from tests.support.writer_processes import read_first, write_in_line


class TestTheFirstUse:
    def test_many_processes_may_read_a_new_file_at_once(self, tmp_path: Path) -> None:
        assert in_processes(4, read_first, sqlite_url(tmp_path / "new.db")) == ["wal"] * 4

    @pytest.mark.parametrize("number", range(5))
    def test_many_databases_may_open_a_new_file_at_once(self, tmp_path: Path, number: int) -> None:
        url = sqlite_url(tmp_path / "new.db")
        assert in_threads(16, lambda number: read_first(number, url)) == ["wal"] * 16

    def test_many_may_migrate_and_read_at_once(self, tmp_path: Path) -> None:
        url = sqlite_url(tmp_path / "new.db")

        def work(number: int) -> str:
            if number % 2:
                return read_first(number, url)
            with opened(url) as database:
                migrate(database)
            return "wal"

        assert in_threads(8, work) == ["wal"] * 8

    def test_the_switch_to_wal_waits_for_its_turn(self, tmp_path: Path) -> None:
        with opened(sqlite_url(tmp_path / "new.db")) as first, opened(sqlite_url(tmp_path / "new.db")) as second:
            assert first._file is not None
            with first._file._turns.turn():
                reading = threading.Thread(target=lambda: rows(second, "SELECT 1"))
                reading.start()
                reading.join(0.1)
                assert reading.is_alive()
            reading.join(20)
            assert not reading.is_alive()

    def test_a_file_that_is_in_wal_mode_is_not_waited_for(self, sqlite_database: Database) -> None:
        with sqlite_database.writing(), opened(str(sqlite_database.engine.url)) as other:
            assert rows(other, "SELECT 1 AS one") == [{"one": 1}]


def test_writers_share_the_file_fairly(sqlite_database: Database, sqlite_database_url: str) -> None:
    run(sqlite_database, "INSERT INTO queue_entry (position, job_id) VALUES (0, :job_id)", job_id="1" * 32)
    each = in_processes(4, write_in_line, sqlite_database_url, 4, 10)
    assert sorted(written[0] for written in each) == [1, 2, 3, 4]
    # Each lets all others write before it writes again: without the turns one waits for hundreds of writes.
    assert {after - before for written in each for before, after in pairwise(written)} == {4}


def test_a_writer_that_is_stopped_in_its_transaction(sqlite_database: Database, sqlite_database_url: str) -> None:
    """It holds SQLite's own lock, too."""
    run(sqlite_database, "INSERT INTO queue_entry (position, job_id) VALUES (1, :job_id)", job_id="1" * 32)
    command = [sys.executable, "-m", "tests.support.writer_processes", "pause_in_a_transaction", sqlite_database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stopped:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == b"stopped\n"
        wait_until(lambda: state(stopped.pid) == "T")  # to go on only then
        assert sqlite_database._file is not None
        sqlite_database._file._turns._longest_wait_s = 0.2
        with pytest.raises(ServiceUnavailable, match="kept the database busy"):
            run(sqlite_database, "UPDATE queue_entry SET position = 2")
        sqlite_database._file._turns._longest_wait_s = 20
        assert rows(sqlite_database, "SELECT position FROM queue_entry") == [{"position": 1}]
        os.kill(stopped.pid, signal.SIGCONT)
        assert stopped.wait(20) == 0
    assert rows(sqlite_database, "SELECT position FROM queue_entry") == [{"position": 1000}]
    run(sqlite_database, "UPDATE queue_entry SET position = 2")
    assert rows(sqlite_database, "SELECT position FROM queue_entry") == [{"position": 2}]


def test_the_file_is_whole_after_its_writers_were_killed(sqlite_database: Database, tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "reelwork.db")
    for _ in range(3):
        command = [sys.executable, "-m", "tests.support.writer_processes", "pause_in_a_transaction", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as stopped:
            assert stopped.stdout is not None
            stopped.stdout.readline()
            stopped.kill()
    run(sqlite_database, "DELETE FROM queue_entry")
    connection = sqlite3.connect(tmp_path / "reelwork.db")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
