"""A way to a service on which connections break."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Cut:
    """When a connection breaks: after so many bytes towards the service, or back from it."""

    there: int | None = None
    back: int | None = None


@dataclass
class CuttingProxy:
    """The proxy, and how many connections came to it."""

    url: str = ""
    connections: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    def serve(self, listening: socket.socket, target: tuple[str, int], cuts: Iterator[Cut]) -> None:
        """Pass on every connection until the listening socket is shut down."""
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                self.connections += 1
                self._pass_on(client, socket.create_connection(target), next(cuts))

    def _pass_on(self, client: socket.socket, service: socket.socket, cut: Cut) -> None:
        for source, sink, limit in ((client, service, cut.there), (service, client, cut.back)):
            thread = threading.Thread(target=_carry, args=(source, sink, limit, client, service), daemon=True)
            thread.start()
            self._threads.append(thread)


def _carry(
    source: socket.socket, sink: socket.socket, limit: int | None, client: socket.socket, service: socket.socket
) -> None:
    carried = 0
    with suppress(OSError):
        while data := source.recv(2**16):
            if limit is not None and carried + len(data) >= limit:
                sink.sendall(data[: limit - carried])
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                break
            sink.sendall(data)
            carried += len(data)
    for end in (client, service):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def cutting(url: str, *cuts: Cut) -> Iterator[CuttingProxy]:
    """Give a proxy to ``url``; its first connections break as told, and those behind them do not."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = CuttingProxy(f"http://127.0.0.1:{listening.getsockname()[1]}")
        plan = chain(cuts, repeat(Cut()))
        thread = threading.Thread(target=proxy.serve, args=(listening, (parts.hostname, parts.port), plan))
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
