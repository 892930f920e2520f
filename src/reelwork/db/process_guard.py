"""A database belongs to the process that opened it.

Two processes that talk over one connection to PostgreSQL mix their answers up, and SQLite damages its file
when a connection, or what it remembers of its locks, is used on the other side of a fork.
"""

import os
from typing import Any

from sqlalchemy import Connection, Engine, event

from reelwork.errors import ConfigurationError

# Connections that came over a fork. To close one here, which forgetting it would do, would end the
# parent's session or let go of its locks.
_inherited: list[Any] = []


class ProcessGuard:
    """Lets no process but this one use an engine, nor a connection of it that is open already."""

    def __init__(self, engine: Engine) -> None:
        self._owner = os.getpid()
        event.listen(engine, "do_connect", self.check)
        # Before anything else that listens uses the connection.
        event.listen(engine, "checkout", self._check_pooled, insert=True)
        event.listen(engine, "before_cursor_execute", self._check_open)
        event.listen(engine, "commit", self._check_open)

    def check(self, *_: object) -> None:
        """Raise ``ConfigurationError`` in any other process."""
        if os.getpid() != self._owner:
            raise ConfigurationError(
                f"The database was opened by process {self._owner} and is used by process {os.getpid()}. "
                "Open it in the process that uses it, or spawn that process instead of forking it."
            )

    def _check_open(self, connection: Connection, *_: object) -> None:
        if os.getpid() != self._owner:
            opened: Any = connection.connection
            _inherited.append(opened.dbapi_connection)
            connection.detach()
            opened.dbapi_connection = None
            self.check()

    def _check_pooled(self, dbapi_connection: object, record: Any, pooled: Any) -> None:
        if os.getpid() != self._owner:
            _inherited.append(dbapi_connection)
            record.dbapi_connection = pooled.dbapi_connection = None
            self.check()
