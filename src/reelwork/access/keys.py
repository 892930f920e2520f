"""API keys as text: made, taken apart and compared.

A key is ``rw_<key id>_<secret>``. Its id is no secret: logs and jobs name the key by it. The secret is random and as
long as a digest, so that its plain SHA-256 is as hard to guess as itself.
"""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 12
_SECRET_LENGTH = 43
_FORM = re.compile(rf"rw_([A-Za-z0-9]{{{_ID_LENGTH}}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})", re.ASCII)


@dataclass(frozen=True)
class KeyText:
    """A key taken apart."""

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"rw_{self.key_id}_{self.secret}"

    def __repr__(self) -> str:
        """Keep the secret out of tracebacks and logs."""
        return f"KeyText(key_id={self.key_id!r})"

    @property
    def digest(self) -> str:
        """What is kept of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def is_of(self, digest: str) -> bool:
        """Say whether the secret is the one of a kept digest, in a time that tells nothing about it."""
        return hmac.compare_digest(self.digest, digest)


def make_key() -> KeyText:
    """Make a key that nobody can guess."""
    return KeyText(_random(_ID_LENGTH), _random(_SECRET_LENGTH))


def parse_key(text: str) -> KeyText | None:
    """Take a key apart; None if it does not have the form of one."""
    match = _FORM.fullmatch(text)
    return KeyText(match[1], match[2]) if match else None


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
