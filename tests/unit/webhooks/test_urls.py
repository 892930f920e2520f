"""What is said of a URL when it is given."""

import pytest

from reelwork.webhooks.urls import make_url_check, parse, receiver_of

public_only = make_url_check(has_secret=True, allow_private=False)
anywhere = make_url_check(has_secret=True, allow_private=True)

GOOD = [
    "https://hooks.example.com/reelwork",
    "http://hooks.example.com",
    "HTTPS://Hooks.Example.COM:8443/a;b/c?d=e&f=%C3%BC",
    "https://9.9.9.9/x",
    "https://[2606:4700::1111]/x",
    "https://xn--bcher-kva.example/",
]
MALFORMED = {
    "hooks.example.com/x": "must begin with https",
    "ftp://hooks.example.com/x": "must begin with https",
    "file:///etc/passwd": "must begin with https",
    "https://": "must begin with https",
    "https:///x": "must begin with https",
    "": "must begin with https",
    "https://user:secret@hooks.example.com/": "no user name",
    "https://hooks.example.com\\@127.0.0.1/": "no user name",
    "https://hooks.example.com/x#y": "no fragment",
    "https://hooks.example.com:99999/": "is not a URL",
    "https://hooks.example.com:0/": "is not a URL",
    "https://hooks.example.com:x/": "is not a URL",
    "https://[::1/": "is not a URL",
    "https://hooks.example.com/a b": "without spaces",
    "https://hooks.example.com/\r\nHost: x": "without spaces",
    "https://bücher.example/": "must be ASCII",
    "https://hooks.example.com/" + "x" * 2048: "longer than 2048",
}
NEAR = [
    *("http://localhost/", "http://LOCALHOST./", "http://x.localhost/", "http://printer.local/", "http://db.internal/"),
    *("http://127.0.0.1:5432/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0/"),
    *("http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.7/"),
]


@pytest.mark.parametrize("url", GOOD)
def test_good(url: str) -> None:
    assert public_only(url) is None
    assert anywhere(url) is None


@pytest.mark.parametrize(("url", "reason"), MALFORMED.items())
def test_malformed(url: str, reason: str) -> None:
    for check in (public_only, anywhere):
        assert reason in (check(url) or "")


@pytest.mark.parametrize("url", NEAR)
def test_near(url: str) -> None:
    assert "is not on the public internet" in (public_only(url) or "")
    assert anywhere(url) is None


def test_service_without_a_secret_takes_none() -> None:
    assert "this service sends no webhooks" in (make_url_check(has_secret=False, allow_private=True)(GOOD[0]) or "")


def test_what_is_connected_to_is_what_was_looked_at() -> None:
    parts = parse("HTTPS://Hooks.Example.COM:8443/a;b/c?d=e")
    assert (parts.scheme, parts.host, parts.port) == (b"https", b"hooks.example.com", 8443)
    assert parts.target == b"/a;b/c?d=e"
    assert parse("http://x").target == b"/"


def test_receivers_are_told_apart_without_what_may_be_secret() -> None:
    assert receiver_of("https://hooks.example.com/T0KEN?x") == "hooks.example.com"
    assert receiver_of("http://[::1]:81/x") == "[::1]:81"
    assert receiver_of("http://[::1") == "unknown"
