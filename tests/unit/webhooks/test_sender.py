"""One request, to receivers of every kind."""

import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from standardwebhooks import Webhook

from reelwork.webhooks import connections
from reelwork.webhooks.message import body, message_id
from reelwork.webhooks.sender import Answer, WebhookSender
from tests.support.deliveries import KEYS, SECRET, make_delivery
from tests.support.receivers import TLS_DIR, TLS_NAME, nobody, receiving, saying

sender = WebhookSender(KEYS, timeout_s=60.0, allow_private=True)
hurried = WebhookSender(KEYS, timeout_s=1.0, allow_private=True)
public_only = WebhookSender(KEYS, timeout_s=60.0, allow_private=False)


def test_what_is_sent() -> None:
    with receiving() as receiver:
        delivery = make_delivery(f"{receiver.url};v=1?token=x%20y", external_id="ü")
        before = int(time.time())
        answer = sender.send(delivery)
    assert answer.is_accepted
    [request] = receiver.received
    assert request.path == "/hook;v=1?token=x%20y"
    assert request.body == body(delivery)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] in receiver.url
    assert request.headers["user-agent"].startswith("Reelwork/")
    assert request.message_id == message_id(delivery)
    assert before <= int(request.headers["webhook-timestamp"]) <= time.time()
    assert Webhook(SECRET).verify(request.body, request.headers) == request.document


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with receiving() as other, receiving(status, Location=other.url) as receiver:
        answer = sender.send(make_delivery(receiver.url))
    assert answer.status == status
    assert not answer.is_accepted
    assert other.received == []


@pytest.mark.parametrize(
    ("status", "accepted", "unwanted"),
    [(200, True, False), (202, True, False), (404, False, False), (410, False, True), (500, False, False)],
)
def test_answers(status: int, accepted: bool, unwanted: bool) -> None:
    with receiving(status) as receiver:
        answer = sender.send(make_delivery(receiver.url))
    assert (answer.status, answer.is_accepted, answer.is_unwanted) == (status, accepted, unwanted)


def test_what_the_receiver_asks_for() -> None:
    with receiving(429, Retry_After="77") as receiver:
        assert sender.send(make_delivery(receiver.url)).retry_after_s == 77


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with nobody() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        assert sender.send(make_delivery(receiver.url)).is_accepted


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
SILENT = {
    "never answers": ((), 0.0),
    "says a byte now and then": (tuple(HEAD[i : i + 1] for i in range(len(HEAD) - 2)), 0.2),
    "says no HTTP": ((b"220 mail.example.com ESMTP\r\n",), 0.0),
    "says a header without end": ((b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 1000] * 2000), 0.0),
}


def sent_in_a_hurry(url: str) -> Iterator[tuple[Answer, float]]:
    """Send three times, as the machine may be busy once."""
    for _ in range(3):
        began_at = time.monotonic()
        answer = hurried.send(make_delivery(url))
        yield answer, time.monotonic() - began_at


@pytest.mark.parametrize(("pieces", "every_s"), SILENT.values(), ids=SILENT)
def test_no_answer_in_time(pieces: tuple[bytes, ...], every_s: float) -> None:
    with saying(*pieces, every_s=every_s) as url:
        for answer, took_s in sent_in_a_hurry(url):
            assert answer.status is None
            assert answer.problem
            if took_s < 3:
                break
    assert took_s < 3


@pytest.mark.parametrize("pieces", [(HEAD, *[CHUNK] * 1000), (HEAD,), (HEAD, b"nonsense")])
def test_answer_without_end_is_not_read_to_it(pieces: tuple[bytes, ...]) -> None:
    with saying(*pieces) as url:
        assert any(answer.is_accepted and took_s < 3 for answer, took_s in sent_in_a_hurry(url))


def test_nobody_answers() -> None:
    with nobody() as url:
        answer = sender.send(make_delivery(url))
    assert answer.status is None
    assert "refused" in (answer.problem or "")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_private_address_is_not_connected_to(host: str) -> None:
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", host)
        answer = public_only.send(make_delivery(url))
    assert "not on the public internet" in (answer.problem or "")
    assert receiver.received == []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What names mean, each time they are asked for."""
    meanings: dict[str, list[list[str]]] = {}

    def resolve(host: str, port: int) -> list[object]:
        return [ip_address(address) for address in meanings[host].pop(0)]

    monkeypatch.setattr(connections, "resolve", resolve)
    return meanings


def test_name_with_one_private_address_is_refused(names: dict[str, list[list[str]]]) -> None:
    names["hooks.example.com"] = [["9.9.9.9", "127.0.0.1"]]
    answer = public_only.send(make_delivery("http://hooks.example.com/"))
    assert "not on the public internet" in (answer.problem or "")


def test_address_that_was_looked_at_is_the_one_connected_to(
    names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    names["hooks.example.com"] = [["9.9.9.9", "149.112.112.112"], ["127.0.0.1"]]
    assert public_only.send(make_delivery("http://hooks.example.com:81/")).status is None
    assert asked == [("9.9.9.9", 81), ("149.112.112.112", 81)]
    assert len(names["hooks.example.com"]) == 1, "the name was looked up twice"


def test_next_address_is_tried(names: dict[str, list[list[str]]]) -> None:
    with receiving() as receiver:
        names["hooks.example.com"] = [["127.0.0.77", "127.0.0.1"]]
        url = receiver.url.replace("127.0.0.1", "hooks.example.com")
        assert sender.send(make_delivery(url)).is_accepted


def test_unknown_name() -> None:
    answer = sender.send(make_delivery("http://nobody.invalid/"))
    assert "is not known" in (answer.problem or "")


def test_malformed_url_is_never_sent_to() -> None:
    assert "must begin with" in (sender.send(make_delivery("gopher://x/")).problem or "")


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the certificate of the receivers here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS_DIR / "certificate.pem"))


def sent_over_tls(names: dict[str, list[list[str]]], name: str) -> tuple[int | None, str]:
    names[name] = [["127.0.0.1"]]
    with receiving(tls=True) as receiver:
        sender = WebhookSender(KEYS, timeout_s=60.0, allow_private=True)
        answer = sender.send(make_delivery(receiver.url.replace("127.0.0.1", name)))
    assert (answer.status is not None) == bool(receiver.received)
    return answer.status, answer.problem or ""


@pytest.mark.usefixtures("trusted")
def test_certificate_of_the_name_is_asked_for(names: dict[str, list[list[str]]]) -> None:
    assert sent_over_tls(names, TLS_NAME) == (204, "")
    status, problem = sent_over_tls(names, "other.example.com")
    assert status is None
    assert "certificate is not valid for 'other.example.com'" in problem


def test_certificate_of_nobody_known_is_refused(names: dict[str, list[list[str]]]) -> None:
    status, problem = sent_over_tls(names, TLS_NAME)
    assert status is None
    assert "CERTIFICATE_VERIFY_FAILED" in problem
