"""Sign what is sent, as Standard Webhooks says (https://www.standardwebhooks.com).

A secret is written ``whsec_`` and base64. There may be several, with spaces between them: then every message
carries a signature by each, and receivers can go over from one to the next without a gap.
"""

import base64
import binascii
import hashlib
import hmac
import secrets as randomness
from collections.abc import Sequence

_PREFIX = "whsec_"
_NEW_BYTES = 32
_FEWEST_BYTES, _MOST_BYTES = 24, 64


def make_secret() -> str:
    """Return a new secret, as it is written in settings."""
    return _PREFIX + base64.b64encode(randomness.token_bytes(_NEW_BYTES)).decode()


def read_secrets(written: str) -> tuple[bytes, ...]:
    """Return the keys that are written in a setting; none if nothing is.

    Raises:
        ValueError: One is not what Standard Webhooks asks for; the message does not repeat it.
    """
    return tuple(_read(secret) for secret in written.split())


def sign(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header ``webhook-signature``: one signature for each key."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _read(secret: str) -> bytes:
    try:
        if not secret.startswith(_PREFIX):
            raise ValueError
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        if not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
            raise ValueError
    except (ValueError, binascii.Error):
        raise ValueError(
            f"each secret must be whsec_ and the base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes; "
            "`reelwork webhooks secret` makes one"
        ) from None
    return key
