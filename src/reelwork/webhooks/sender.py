"""Send one message, and tell what came of it."""

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus

import httpcore
import httpx

from reelwork import __version__
from reelwork.webhooks.connections import GuardedBackend
from reelwork.webhooks.message import body, message_id
from reelwork.webhooks.outbox import Delivery
from reelwork.webhooks.schedule import read_retry_after
from reelwork.webhooks.signatures import sign
from reelwork.webhooks.urls import origin_of, parse, why_malformed

_MOST_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Attributes:
        status: What the receiver answered; None if it did not.
        problem: Why there is no answer, for the operator.
        retry_after_s: How long the receiver asks to be left alone.
    """

    status: int | None = None
    problem: str | None = None
    retry_after_s: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver has it. A redirect is no acceptance: nobody follows it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_unwanted(self) -> bool:
        """Whether the receiver wants nothing more sent to this URL."""
        return self.status == HTTPStatus.GONE


class WebhookSender:
    """Makes the requests; safe to use from several threads."""

    def __init__(self, keys: Sequence[bytes], *, timeout_s: float, allow_private: bool) -> None:
        """Prepare.

        Args:
            keys: What messages are signed with.
            timeout_s: How long one request may take in all.
            allow_private: Whether receivers may be on networks that are not public.
        """
        self._keys = keys
        self._timeout_s = timeout_s
        self._allow_private = allow_private

    def send(self, delivery: Delivery) -> Answer:
        """Send a message; whatever happens, this returns."""
        if problem := why_malformed(delivery.url):
            return Answer(problem=f"the URL {problem}")
        try:
            return self._post(delivery)
        # Whatever a receiver does is its own affair, and what its certificate holds may surprise the library.
        except Exception as error:
            return Answer(problem=f"{type(error).__name__}: {error}".rstrip(": "))

    def _post(self, delivery: Delivery) -> Answer:
        url = parse(delivery.url)
        content = body(delivery)
        backend = GuardedBackend(allow_private=self._allow_private, deadline=time.monotonic() + self._timeout_s)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, max_connections=1) as connections,
            connections.stream("POST", url, headers=self._headers(delivery, content, url), content=content) as answer,
        ):
            _read_on(answer)
            headers = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
            return Answer(answer.status, retry_after_s=read_retry_after(headers.get(b"retry-after")))

    def _headers(self, delivery: Delivery, content: bytes, url: httpcore.URL) -> list[tuple[str, str]]:
        timestamp = int(time.time())
        return [
            ("Host", origin_of(url)),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(content))),
            ("Accept", "*/*"),
            ("Connection", "close"),
            ("User-Agent", f"Reelwork/{__version__}"),
            ("webhook-id", message_id(delivery)),
            ("webhook-timestamp", str(timestamp)),
            ("webhook-signature", sign(self._keys, message_id(delivery), timestamp, content)),
        ]

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


def _read_on(answer: httpcore.Response) -> None:
    """Let the receiver finish its answer, if it is a short one; what it says there is of no interest."""
    size = 0
    try:
        for chunk in answer.iter_stream():
            size += len(chunk)
            if size > _MOST_ANSWER_BYTES:
                return
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        return
