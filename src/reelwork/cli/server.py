"""Run the API in uvicorn on a socket of our own, so that its port is known before the first request."""

import errno
import gc
import resource
import socket

import typer
import uvicorn

from reelwork.bootstrap.api import make_api
from reelwork.cli.http_protocol import bounded
from reelwork.errors import ConfigurationError
from reelwork.settings import Settings

_BACKLOG = 2048
_GRACE_S = 10
_KEEP_ALIVE_S = 15
_OTHER_FILES = 256


class _Server(uvicorn.Server):
    """Says where it listens once it does."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now stays to the end: no search for garbage need look at it again.
        gc.collect()
        gc.freeze()
        if not self.should_exit:
            typer.echo(self._announcement)


def serve_api(settings: Settings, hint: str | None) -> None:
    """Serve until SIGTERM or SIGINT; say where, and ``hint`` with it.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """
    listening = _listen(settings.host, settings.port)
    config = uvicorn.Config(
        make_api(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        http=bounded(_connections(settings.max_connections)),
        # Longer than a client that polls pauses, so that it can keep its connection.
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        ws="none",
    )
    port = listening.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    announcement = "\n".join(filter(None, [f"Reelwork is ready at http://{host}:{port}", hint]))
    _Server(config, announcement).run(sockets=[listening])


def _connections(wanted: int) -> int:
    """Return how many connections this process can have beside its database and the files it writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + _OTHER_FILES  # a connection that uploads has a file open
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, (soft - _OTHER_FILES) // 2))


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} on {host} is in use. Choose another one with --port, or stop what listens there."
            ) from error
        raise ConfigurationError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
