"""A way to a service that gets stuck in the middle of an upload."""

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Bottleneck:
    """Passes on connections, but of each only so many bytes towards the service; the rest waits for ever."""

    def __init__(self, url: str, most_bytes: int) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._service = (parts.hostname, parts.port)
        self._most_bytes = most_bytes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.is_full = False
        self.deletes = 0

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                service = socket.create_connection(self._service)
                self._sockets += [client, service]
                threading.Thread(target=self._there, args=(client, service), daemon=True).start()
                threading.Thread(target=self._back, args=(service, client), daemon=True).start()

    def _there(self, client: socket.socket, service: socket.socket) -> None:
        carried = 0
        with suppress(OSError):
            while data := client.recv(2**16):
                self.deletes += data.startswith(b"DELETE ")
                service.sendall(data)
                carried += len(data)
                if carried > self._most_bytes:
                    self.is_full = True
                    return
            service.shutdown(socket.SHUT_RDWR)

    def _back(self, service: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := service.recv(2**16):
                client.sendall(data)
