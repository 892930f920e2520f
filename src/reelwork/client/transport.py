"""What both clients know of HTTP: where the service is, who calls, and what the transport's errors mean."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from reelwork.client.errors import ConnectionLost, ServiceUnreachable
from reelwork.client.flow import Request
from reelwork.errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8000"
PARTING_S = 5.0
"""How long the last request of an interrupted flow may take."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Service:
    """A service, and how to speak to it."""

    url: str
    timeout_s: float
    api_key: str | None = field(repr=False)

    @classmethod
    def at(cls, base_url: str | None, api_key: str | None, timeout_s: float) -> "Service":
        """Fill in from the environment what is not given.

        Raises:
            ConfigurationError: The URL is none.
        """
        given = base_url if base_url is not None else os.environ.get("REELWORK_URL") or DEFAULT_URL
        key = api_key if api_key is not None else os.environ.get("REELWORK_API_KEY")
        parts = urlsplit(given)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{given!r} is not the URL of a service. One looks like this: http://127.0.0.1:8000"
            )
        if key and not (key.isascii() and key.isprintable()):
            raise ConfigurationError("The API key holds a character that no API key has.")
        return cls(given.rstrip("/"), timeout_s, key or None)

    @property
    def encrypted(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith("https:")

    @property
    def connections(self) -> dict[str, Any]:
        """Arguments for a client of httpx, made once: to read the certificates takes a while."""
        return {
            "base_url": self.url,
            "timeout": self.timeout_s,
            "headers": {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
            # Without TLS there is nothing to be verified, and an empty context takes no time.
            "verify": httpx.create_ssl_context() if self.encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            # A proxy of the environment is never the way to the own machine.
            "trust_env": urlsplit(self.url).hostname not in _LOOPBACK,
        }

    def written(self, request: Request) -> dict[str, Any]:
        """Arguments for ``httpx.Client.build_request``; the body is the client's own."""
        headers = dict(request.headers)
        if request.body is not None:
            headers["Content-Length"] = str(request.body.size)
        arguments: dict[str, Any] = {"method": request.method, "url": request.path, "headers": headers}
        if request.params:
            arguments["params"] = list(request.params)
        if request.parting:
            arguments["timeout"] = PARTING_S
        return arguments

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn the transport's errors into this client's."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ServiceUnreachable(self.url) from error
        except httpx.TransportError as error:
            silent = isinstance(error, httpx.TimeoutException)
            reason = f"nothing came for {self.timeout_s:g} s." if silent else f"{error}."
            raise ConnectionLost(self.url, reason) from error
