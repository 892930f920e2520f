"""What can be said of a webhook's URL when it is given, without asking anybody."""

from collections.abc import Callable
from urllib.parse import urlsplit

import httpcore

from reelwork.webhooks.addresses import is_public, literal

MOST_CHARACTERS = 2048

CheckWebhookUrl = Callable[[str], str | None]
"""Returns why a URL is refused, None if it is not."""

_NEAR_NAMES = ("localhost", ".localhost", ".local", ".internal", ".home.arpa")


def make_url_check(*, has_secret: bool, allow_private: bool) -> CheckWebhookUrl:
    """Return the check of the option ``webhook_url``.

    Args:
        has_secret: Whether this service can sign, without which it sends nothing.
        allow_private: Whether addresses of its own networks may be called.
    """

    def check(url: str) -> str | None:
        if not has_secret:
            return "this service sends no webhooks; its operator must set REELWORK_WEBHOOK_SECRET"
        return why_malformed(url) or (None if allow_private else why_near(url))

    return check


def why_malformed(url: str) -> str | None:
    """Return what is wrong with a URL as such; None if nothing is."""
    if len(url) > MOST_CHARACTERS:
        return f"must not be longer than {MOST_CHARACTERS} characters"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be ASCII without spaces; write other characters as %XX, and hosts in punycode"
    try:
        parts = parse(url)
    except ValueError:
        return "is not a URL"
    if parts.scheme not in (b"http", b"https") or not parts.host:
        return "must begin with https:// or http:// and name a host"
    if "@" in urlsplit(url).netloc:
        return "must carry no user name or password; what is sent is signed"
    if "#" in url:
        return "must carry no fragment (#...)"
    return None


def why_near(url: str) -> str | None:
    """Return why a well-formed URL points to a network of the service's own; None if that cannot be told from it."""
    host = host_of(parse(url))
    address = literal(host)
    is_near = host.lower().rstrip(".").endswith(_NEAR_NAMES) if address is None else not is_public(address)
    return f"points to {host}, which is not on the public internet" if is_near else None


def parse(url: str) -> httpcore.URL:
    """Take a URL apart as the connection will that sends to it.

    Raises:
        ValueError: It is none.
    """
    # Not by httpcore: it would drop what stands behind a `;` in the path.
    parts = urlsplit(url)
    if parts.port == 0:
        raise ValueError("nobody listens on port 0")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


def host_of(parts: httpcore.URL) -> str:
    """Return the host, an IPv6 address without brackets."""
    return parts.host.decode("ascii")


def origin_of(parts: httpcore.URL) -> str:
    """Return what the header ``Host`` says: the host, and the port if it was given."""
    host = f"[{host_of(parts)}]" if ":" in host_of(parts) else host_of(parts)
    return host if parts.port is None else f"{host}:{parts.port}"


def receiver_of(url: str) -> str:
    """Return what identifies who receives at a URL; the rest of it may be a secret."""
    try:
        return origin_of(parse(url))
    except ValueError:
        return "unknown"
