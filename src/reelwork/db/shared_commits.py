"""Writers that come while another commits share the next commit: the disk is waited for once for all of them."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager

from reelwork.db.outages import answering
from reelwork.db.transaction import Transaction

Write = Callable[[Transaction], None]

_MOST_AT_ONCE = 64


class SharedCommits:
    """Gathers the writes of this process's threads into few transactions.

    Each is all or nothing for itself: when one raises, what it wrote is taken back and the others are not
    touched. Each thread returns when what it wrote is committed. A write may be called a second time, when the
    transaction of the first was rolled back because of another.
    """

    def __init__(self, writing: Callable[[], AbstractContextManager[Transaction]]) -> None:
        self._writing = writing
        self._mutex = threading.Lock()
        self._waiting: deque[_Entry] = deque()
        self._is_led = False

    def run(self, write: Write) -> None:
        """Run a write, and return when it is committed; raise what it raised, or what the commit did."""
        entry = _Entry(write)
        with self._mutex:
            self._waiting.append(entry)
            entry.leads = not self._is_led
            self._is_led = True
        if not entry.leads:
            entry.called.wait()
        if entry.leads:
            self._lead()
        if entry.error is not None:
            with answering():
                raise entry.error

    def _lead(self) -> None:
        with self._mutex:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
        try:
            self._commit(batch)
        except BaseException as error:
            for entry in batch:
                entry.error = entry.error or error
        finally:
            self._hand_over(batch)

    def _commit(self, batch: "list[_Entry]") -> None:
        """Commit all together. Only when one of them raises are they kept apart: most often that costs for nothing."""
        written = 0
        try:
            with self._writing() as transaction:
                for entry in batch:
                    entry.write(transaction)
                    written += 1
        except BaseException:
            if written == len(batch) or len(batch) == 1:
                raise
            self._commit_apart(batch)

    def _commit_apart(self, batch: "list[_Entry]") -> None:
        with self._writing() as transaction:
            for entry in batch:
                self._apart(transaction, entry)

    def _apart(self, transaction: Transaction, entry: "_Entry") -> None:
        connection = transaction.connection
        own = Transaction(connection)
        # Said by hand, for SQLAlchemy's own way to say it costs more than the writes.
        connection.exec_driver_sql("SAVEPOINT one")
        try:
            entry.write(own)
        except BaseException as error:
            entry.error = error
            connection.exec_driver_sql("ROLLBACK TO one")
        else:
            transaction.after_commit(own.committed)
        connection.exec_driver_sql("RELEASE one")

    def _hand_over(self, batch: "list[_Entry]") -> None:
        """Let whoever came first meanwhile lead the next: nobody works longer for the others than once."""
        with self._mutex:
            self._is_led = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
            if following is not None:
                following.leads = True
        for entry in batch:
            entry.called.set()
        if following is not None:
            following.called.set()


class _Entry:
    """A write that waits: until it is done, or until it is its thread's turn to lead."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.called = threading.Event()
        self.leads = False
        self.error: BaseException | None = None
