"""A proxy as stands before a service: it adds headers, keeps some paths inside, and passes bytes on as they come."""

import math
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE_BYTES = 2**16
_END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Proxy:
    """A running proxy; each request has a connection of its own.

    Attributes:
        url: Where it listens.
        adds: Headers that it adds, by name, in place of the client's.
        inside: Paths for which it answers 404 by itself.
        breaks_after: So many bytes of a request it passes on, and then drops both connections; None: all of them.
    """

    url: str = ""
    adds: Mapping[str, str] = field(default_factory=dict)
    inside: Collection[str] = ()
    breaks_after: int | None = None


@contextmanager
def proxy_before(url: str) -> Iterator[Proxy]:
    """Run a proxy before a service."""
    proxy = Proxy()
    target = address_of(url)

    def begin(client: socket.socket) -> None:
        threading.Thread(target=_pass_on, args=(client, target, proxy), daemon=True).start()

    with accepting(begin) as proxy.url:
        yield proxy


def address_of(url: str) -> tuple[str, int]:
    """Return the host and the port of a service."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@contextmanager
def accepting(begin: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen, and let ``begin`` have every connection; give the URL."""

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):  # it is closed at the end
            while True:
                begin(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, args=(listening,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _pass_on(client: socket.socket, target: tuple[str, int], proxy: Proxy) -> None:
    with client, suppress(OSError):
        received = b""
        while _END_OF_HEAD not in received:
            piece = client.recv(_PIECE_BYTES)
            if not piece:
                return
            received += piece
        head, _, begun = received.partition(_END_OF_HEAD)
        if head.split(b" ", 2)[1].decode() in proxy.inside:
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(target) as service:
            service.sendall(_rewritten(head, {**proxy.adds, "Connection": "close"}) + _END_OF_HEAD)
            answer = threading.Thread(target=_pump, args=(service, client), daemon=True)
            answer.start()
            _pump(client, service, begun, proxy.breaks_after)
            if proxy.breaks_after is None:
                answer.join()


def _rewritten(head: bytes, adds: Mapping[str, str]) -> bytes:
    replaced = {name.lower() for name in adds}
    first, *lines = head.decode("latin-1").split("\r\n")
    kept = [line for line in lines if line.partition(":")[0].lower() not in replaced]
    return "\r\n".join([first, *kept, *(f"{name}: {value}" for name, value in adds.items())]).encode("latin-1")


def _pump(source: socket.socket, sink: socket.socket, begun: bytes = b"", most: int | None = None) -> None:
    """Pass on what comes until it ends, or drop both connections after so many bytes."""
    left = math.inf if most is None else most
    with suppress(OSError):
        piece = begun or source.recv(_PIECE_BYTES)
        while piece:
            passed = piece[: int(min(left, len(piece)))]
            sink.sendall(passed)
            left -= len(passed)
            if left <= 0:
                source.shutdown(socket.SHUT_RDWR)
                break
            piece = source.recv(_PIECE_BYTES)
        sink.shutdown(socket.SHUT_RDWR if left <= 0 else socket.SHUT_WR)
