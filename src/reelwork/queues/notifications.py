"""The bell of a PostgreSQL database: NOTIFY, and one connection in each process that waits."""

import logging
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from sqlalchemy import Engine, func
from sqlalchemy import select as sql_select

from reelwork.db.postgresql import CONNECTION_DEFAULTS
from reelwork.db.transaction import Transaction

log = logging.getLogger(__name__)

_CHANNEL = "reelwork_queue"
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0

Connect = Callable[[], "psycopg.Connection[tuple[object, ...]]"]


class Notifications:
    """Rings by NOTIFY within the transaction: the server delivers it at the commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mutex = threading.Lock()
        self._listener: _Listener | None = None

    def ring_with(self, transaction: Transaction) -> None:
        """See ``Bell``; of the same notification the server keeps one for each transaction."""
        transaction.execute(sql_select(func.pg_notify(_CHANNEL, "")))

    def ring(self) -> None:
        """See ``Bell``."""
        with self._mutex:
            if self._listener is not None:
                self._listener.rings.ring()

    @contextmanager
    def listening(self) -> Iterator["_Ear"]:
        """See ``Bell``."""
        with self._mutex:
            if self._listener is None:
                self._listener = _Listener(self._connect)
        yield _Ear(self._listener.rings)

    def close(self) -> None:
        """See ``Bell``."""
        with self._mutex:
            if self._listener is not None:
                self._listener.stop()
            self._listener = None

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        _, options = self._engine.dialect.create_connect_args(self._engine.url)
        return psycopg.connect(**{**CONNECTION_DEFAULTS, **options}, autocommit=True)


class _Rings:
    """How often the bell has rung, for any number of waiting threads."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def ring(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait_for_more_than(self, count: int, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.count != count, timeout_s)


class _Ear:
    def __init__(self, rings: _Rings) -> None:
        self._rings = rings
        self._heard = rings.count

    def wait(self, timeout_s: float) -> None:
        """See ``Ear``."""
        self._rings.wait_for_more_than(self._heard, timeout_s)
        self._heard = self._rings.count


class _Listener:
    """A thread with the connection that listens; a connection that breaks is made again."""

    def __init__(self, connect: Connect) -> None:
        self.rings = _Rings()
        self._connect = connect
        self._stopping = threading.Event()
        self._wake, self._woken = os.pipe()
        self._thread = threading.Thread(target=self._run, name="queue-notifications", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        os.write(self._woken, b"!")
        self._thread.join()
        os.close(self._wake)
        os.close(self._woken)

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            with suppress(psycopg.OperationalError):
                with self._connect() as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    pause_s = _FIRST_PAUSE_S
                    self._listen(connection)
                continue
            log.warning("queue.notifications_lost", extra={"again_in_s": pause_s})
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _listen(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        # What was committed before this moment rang for nobody.
        self.rings.ring()
        ready = select.poll()
        ready.register(connection.fileno(), select.POLLIN)
        ready.register(self._wake, select.POLLIN)
        while not self._stopping.is_set():
            ready.poll()
            connection.pgconn.consume_input()
            while connection.pgconn.notifies() is not None:
                self.rings.ring()
