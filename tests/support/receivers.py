"""Receivers of webhooks on loopback, well-behaved and otherwise."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TLS_DIR = Path(__file__).parent / "tls"
TLS_NAME = "hooks.example.com"


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        """What it says."""
        return json.loads(self.body)  # type: ignore[no-any-return]


@dataclass
class Receiver:
    """A server that keeps what it was sent and answers as it was told, 204 by default.

    ``answer`` is given each request and returns a status and headers.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], tuple[int, dict[str, str]]] = lambda request: (204, {})


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True


@contextmanager
def receiving(status: int = 204, *, tls: bool = False, **headers: str) -> Iterator[Receiver]:
    """Run a receiver; names of headers are written with ``_`` for ``-``. Its certificate is for ``TLS_NAME``."""
    receiver = Receiver(answer=lambda request: (status, {n.replace("_", "-"): v for n, v in headers.items()}))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Received(self.path, {n.lower(): v for n, v in self.headers.items()}, body)
            receiver.received.append(request)
            answer, names = receiver.answer(request)
            self.send_response(answer)
            for name, value in names.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS_DIR / "certificate.pem", TLS_DIR / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def saying(*pieces: bytes, every_s: float = 0.0) -> Iterator[str]:
    """Run a server that says these pieces to whoever connects, one every so often, and then nothing more."""
    ended = threading.Event()
    connections: list[socket.socket] = []

    def talk(connection: socket.socket) -> None:
        try:
            for piece in pieces:
                connection.sendall(piece)
                if ended.wait(every_s):
                    return
        except OSError:
            return  # the other side had enough

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            if ended.is_set():
                connection.close()
                return
            connections.append(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        finally:
            ended.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()
            for connection in connections:
                connection.close()


@contextmanager
def nobody() -> Iterator[str]:
    """Give a URL that nobody answers at."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and not listening
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/hook"
