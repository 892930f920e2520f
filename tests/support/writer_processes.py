"""What processes of their own write to a database."""

import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import text

from reelwork.db.engine import Database
from reelwork.db.turns import WriterTurns
from tests.support.databases import opened, run
from tests.support.waiting import wait_until


def count_up(number: int, url: str, times: int) -> int:
    """Add one to the only position in the queue, ``times`` times, each in a transaction."""
    with opened(url) as database:
        return sum(run(database, "UPDATE queue_entry SET position = position + 1") for _ in range(times))


def write_for(number: int, url: str, writers: int, duration_s: float) -> list[int]:
    """Write as fast as can be once so many have begun; return the positions written, each one more than the last."""
    with opened(url) as database:
        written = [_advance(database)]
        wait_until(lambda: _position(database) >= writers)
        end = time.monotonic() + duration_s
        while time.monotonic() < end:
            written.append(_advance(database))
    return written


def _advance(database: Database) -> int:
    with database.writing() as transaction:
        return int(transaction.scalar(text("UPDATE queue_entry SET position = position + 1 RETURNING position")))


def read_first(number: int, url: str) -> str:
    """Be one of the first to read a file; return its journal mode."""
    with opened(url) as database, database.reading() as transaction:
        return str(transaction.connection.exec_driver_sql("PRAGMA journal_mode").scalar())


def pause_in_a_turn(lock_path: str) -> None:
    """Take the writers' turn, say so, stop in it."""
    with WriterTurns(Path(lock_path)).turn():
        _say("stopped")
        os.kill(os.getpid(), signal.SIGSTOP)


def pause_in_a_transaction(url: str) -> None:
    """Write something, say so, stop before the commit."""
    with opened(url) as database, database.writing() as transaction:
        transaction.connection.exec_driver_sql("UPDATE queue_entry SET position = 1000")
        _say("stopped")
        os.kill(os.getpid(), signal.SIGSTOP)


def use_across_a_fork(url: str, moment: str) -> None:
    """Use the database in a forked child at the given moment; print what it met, then what is left of ours."""
    with opened(url) as database:
        if moment == "before it is connected":
            _in_forked_child(lambda: run(database, "SELECT 1"))
        run(database, "UPDATE queue_entry SET position = 10")
        if moment == "when the pool is filled":
            _in_forked_child(lambda: run(database, "SELECT 1"))
        with database.writing() as transaction:
            connection = transaction.connection
            connection.exec_driver_sql("UPDATE queue_entry SET position = position + 1")
            if moment == "within a transaction":
                _in_forked_child(lambda: connection.exec_driver_sql("UPDATE queue_entry SET position = 99"))
            if moment == "at the commit":
                _in_forked_child(connection.get_transaction().commit)
            if moment == "past the transactions":
                _in_forked_child(lambda: database.engine.connect().close())
        _say(str(_position(database)))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _position(database: Database) -> int:
    with database.reading() as transaction:
        return int(transaction.connection.exec_driver_sql("SELECT position FROM queue_entry").scalar_one())


def _in_forked_child(work: object) -> None:
    assert callable(work)
    pid = os.fork()
    if pid == 0:
        try:
            work()
            _say("nothing was raised")
        except Exception as error:
            _say(f"{type(error).__name__}: {error}")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    {each.__name__: each for each in (pause_in_a_turn, pause_in_a_transaction, use_across_a_fork)}[sys.argv[1]](
        *sys.argv[2:]
    )
