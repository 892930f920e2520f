"""A client that costs little: the same request on many connections at once, sent again as soon as it is answered."""

import re
import selectors
import socket
import time
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class UnexpectedAnswerError(Exception):
    """The answer was not 200."""


def requests_per_s(url: str, connections: int, duration_s: float, headers: str = "") -> float:
    """Ask for ``url`` for a while; return how often a second it was answered.

    Raises:
        UnexpectedAnswerError: One of the answers was no 200, or a connection was closed.
    """
    parts = urlsplit(url)
    assert parts.hostname
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}\r\n".encode()
    waiting = selectors.DefaultSelector()
    opened = [socket.create_connection((parts.hostname, parts.port or 80)) for _ in range(connections)]
    try:
        for connection in opened:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting.register(connection, selectors.EVENT_READ)
            connection.sendall(request)
        return _answered(waiting, request, duration_s) / duration_s
    finally:
        waiting.close()
        for connection in opened:
            connection.close()


def _answered(waiting: selectors.BaseSelector, request: bytes, duration_s: float) -> int:
    count = 0
    end = time.perf_counter() + duration_s
    while time.perf_counter() < end:
        for key, _ in waiting.select(1.0):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            _read(connection)
            connection.sendall(request)
            count += 1
    return count


def _read(connection: socket.socket) -> None:
    answer = connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise UnexpectedAnswerError(answer[:300])
    missing = int(length[1]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))
