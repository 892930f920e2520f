"""PostgreSQL as Reelwork uses it: durable commits, and connections that are known to be alive."""

import select
import time
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError

# A server that vanished without a word is noticed within a minute.
CONNECTION_DEFAULTS = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}

# A connection that was in use a moment ago and has heard nothing since is not asked whether it is alive:
# that would be one more round trip for every transaction of a busy process.
_TRUSTED_FOR_S = 0.5

# Some servers are set not to wait for the disk; what was answered 202 would then not survive a power cut.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


def postgresql_engine(url: URL) -> Engine:
    """Make the engine of a server; it is not asked yet."""
    url = url.set(drivername="postgresql+psycopg", query={**CONNECTION_DEFAULTS, **url.query})
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _commit_durably)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _require_alive)
    return engine


def _commit_durably(connection: Any, record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DURABLE)
    connection.commit()
    _note_use(connection, record)


def _note_use(connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _require_alive(connection: Any, record: Any, pooled: object) -> None:
    if time.monotonic() - record.info["used_at"] < _TRUSTED_FOR_S and not _has_unread(connection):
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.OperationalError as error:
        # The server was away, so that none of the connections can be trusted.
        raise InvalidatePoolError from error


def _has_unread(connection: Any) -> bool:
    """Tell whether the server has said something unasked, as it does when it ends a session."""
    unread = select.poll()
    unread.register(connection.fileno(), select.POLLIN)
    return bool(unread.poll(0))
