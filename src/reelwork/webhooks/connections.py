"""Connections to receivers: only to addresses that were looked at, and no longer than agreed."""

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from reelwork.webhooks.addresses import is_public, resolve


class GuardedBackend(httpcore.NetworkBackend):
    """Connects to the very address that was found public: a name that means another one a moment later gains nothing.

    TLS still asks for a certificate of the name.
    """

    def __init__(self, *, allow_private: bool, deadline: float) -> None:
        """Prepare for one request.

        Args:
            allow_private: Whether any address will do.
            deadline: The monotonic time after which nothing is waited for.
        """
        self._allow_private = allow_private
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host.

        Raises:
            httpcore.ConnectError: It has no address, or one of its addresses is not public.
        """
        try:
            addresses = resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the host {host} is not known: {error}") from error
        # All of them: which one is tried first is up to whoever answers for the name.
        if not self._allow_private and not all(map(is_public, addresses)):
            raise httpcore.ConnectError(f"the host {host} is not on the public internet")
        return self._connect_to_one(list(map(str, addresses)), port, local_address, socket_options)

    def _connect_to_one(
        self, addresses: list[str], port: int, local_address: str | None, options: Iterable[Any] | None
    ) -> httpcore.NetworkStream:
        for address in addresses:
            try:
                # Each has an equal part of the time that is left.
                left_s = _left(self._deadline) / (len(addresses) - addresses.index(address))
                connected = self._backend.connect_tcp(address, port, left_s, local_address, options)
                return _UntilDeadline(connected, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise httpcore.ConnectError("the host has no address")


class _UntilDeadline(httpcore.NetworkStream):
    """Waits until one moment in all: a receiver that sends a byte now and then would be waited for without end."""

    def __init__(self, connected: httpcore.NetworkStream, deadline: float) -> None:
        self._connected = connected
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._connected.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._connected.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._connected.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._connected.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _UntilDeadline(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._connected.get_extra_info(info)


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise httpcore.TimeoutException("the time for this request is over")
    return left_s
