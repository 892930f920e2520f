"""What processes of their own write to a database."""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import text

from reelwork.db.engine import Database
from reelwork.db.turns import WriterTurns
from tests.support.databases import opened, run
from tests.support.waiting import wait_until

_ONE_MORE = "UPDATE queue_entry SET position = position + 1"


def count_up(number: int, url: str, times: int) -> int:
    """Add one to the only position in the queue, ``times`` times, each in a transaction."""
    with opened(url) as database:
        return sum(run(database, _ONE_MORE) for _ in range(times))


def write_in_line(number: int, url: str, writers: int, times: int) -> list[int]:
    """Write so many times, always while all other writers wait for their turn; return the positions written."""
    written: list[int] = []
    with opened(url) as database:
        lock_path = Path(f"{database.engine.url.database}.lock")
        assert database._file is not None
        database._file._turns._longest_wait_s = 60
        for _ in range(times):
            with database.writing() as transaction:
                wait_until(lambda: waiting_for(lock_path) == writers - 1)
                written.append(transaction.scalar(text(f"{_ONE_MORE} RETURNING position")))
            # A lock that nobody has goes to whoever asks, even if another is just being woken for it.
            wait_until(lambda: _holder(lock_path) not in (None, os.getpid()) or _position(database) > written[-1])
        run(database, _ONE_MORE)  # the others may still want to see this one wait
    return written


def waiting_for(lock_path: Path) -> int:
    """Return how many wait for a lock, by the kernel's account."""
    return sum("->" in line for line in _locks(lock_path))


def _holder(lock_path: Path) -> int | None:
    """Return the process that has a lock."""
    return next((int(line.split()[4]) for line in _locks(lock_path) if "->" not in line), None)


def _locks(lock_path: Path) -> list[str]:
    inode = f":{lock_path.stat().st_ino} "
    return [line for line in Path("/proc/locks").read_text().splitlines() if inode in line]


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
