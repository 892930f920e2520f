"""Servers that answer as a service, a proxy or something else might, byte for byte."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def answering(*answers: bytes, announced: bytes = b"\r\n\r\n") -> Iterator[str]:
    """Give one answer to each connection once ``announced`` came, and close it, whatever is still on its way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    received = b""
                    while announced not in received:
                        received += connection.recv(1024)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def response(status: str, content_type: str, body: bytes) -> bytes:
    """Write an HTTP response."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
