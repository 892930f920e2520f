"""Signatures, checked by the package that Standard Webhooks gives to receivers."""

import base64
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from reelwork.webhooks.signatures import make_secret, read_secrets, sign

BODY = json.dumps({"type": "job.completed", "text": "ü"}).encode()


def headers(secrets: str, body: bytes = BODY) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    signature = sign(read_secrets(secrets), "msg_1", now, body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}


def test_receivers_can_verify() -> None:
    secret = make_secret()
    assert Webhook(secret).verify(BODY, headers(secret)) == json.loads(BODY)


def test_the_signature_of_the_specification() -> None:
    keys = read_secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_secrets_change_either_verifies() -> None:
    old, new = make_secret(), make_secret()
    sent = headers(f"{new} {old}")
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(make_secret()).verify(BODY, sent)


def test_another_body_is_noticed() -> None:
    secret = make_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers(secret))


def test_every_secret_is_another() -> None:
    assert len({make_secret() for _ in range(10)}) == 10


@pytest.mark.parametrize("written", ["", "  "])
def test_no_secret(written: str) -> None:
    assert read_secrets(written) == ()


@pytest.mark.parametrize(
    "written",
    [
        base64.b64encode(bytes(32)).decode(),  # without its prefix
        "whsec_",
        "whsec_no base64",
        "whsec_!!!!" + "A" * 40,
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_" + base64.b64encode(bytes(32)).decode() + " whsec_short",
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(written: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_ and the base64 of 24 to 64 bytes") as caught:
        read_secrets(written)
    assert written.removeprefix("whsec_") not in str(caught.value) or written == "whsec_"
