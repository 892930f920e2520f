"""PostgreSQL as Reelwork uses it: durable commits, and connections that are known to be alive."""

import select
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

# Some servers are set not to wait for the disk; what was answered 202 would then not survive a power cut.
_DURABLE = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


def postgresql_engine(url: URL) -> Engine:
    """Make the engine of a server; it is not asked yet."""
    url = url.set(drivername="postgresql+psycopg", query={**CONNECTION_DEFAULTS, **url.query})
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _commit_durably)
    event.listen(engine, "checkout", _require_alive)
    return engine


def _commit_durably(connection: Any, record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DURABLE)
    connection.commit()


def _require_alive(connection: Any, record: object, pooled: object) -> None:
    """Replace connections that the server has ended; to ask each time would be one more round trip."""
    if not _has_unread(connection):
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
