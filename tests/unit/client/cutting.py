"""A way to a service on which connections break."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, repeat

from tests.support.proxies import accepting, address_of

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

    def pass_on(self, client: socket.socket, service: socket.socket, cut: Cut) -> None:
        """Pass on what comes on a connection, either way."""
        self.connections += 1
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
    proxy, plan, target = CuttingProxy(), chain(cuts, repeat(Cut())), address_of(url)
    with accepting(lambda client: proxy.pass_on(client, socket.create_connection(target), next(plan))) as proxy.url:
        yield proxy
