"""Servers that answer as a service, a proxy or something else might, byte for byte."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle


@contextmanager
def answering(*answers: bytes, announced: bytes = b"\r\n\r\n", on_and_on: bool = False) -> Iterator[str]:
    """Give one answer to each connection once ``announced`` came, and close it, whatever is still on its way.

    Each answer is given once, or ``on_and_on`` until the end, as a service would.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in cycle(answers) if on_and_on else answers:
                try:
                    connection, _ = listening.accept()
                except OSError:  # it is the end
                    return
                with connection:
                    received = b""
                    while announced not in received:
                        received += connection.recv(1024)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            if on_and_on:
                listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def response(status: str, content_type: str, body: bytes) -> bytes:
    """Write an HTTP response."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
