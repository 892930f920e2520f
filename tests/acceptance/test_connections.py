"""What becomes of connections: refused bodies, slow and oversized requests, answers that reach who still sends."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reelwork.cli.http_protocol import HEAD_BYTES
from tests.support.service import Service
from tests.support.waiting import wait_until
from tests.support.warm_start import Nursery

IDLE_S = 1.0
MOST = 20
TOO_MUCH = 100 * 2**20


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Service]:
    """A service that waits for little and takes little."""
    environment = {
        "REELWORK_UPLOAD_IDLE_S": str(IDLE_S),
        "REELWORK_MAX_CONNECTIONS": str(MOST),
        "REELWORK_MAX_UPLOAD_BYTES": "1000000",
    }
    service = Service(tmp_path_factory.mktemp("impatient") / "data", environment, nursery=nursery)
    yield service
    service.close()


@pytest.fixture(scope="module")
def address(impatient: Service) -> tuple[str, int]:
    """Where it listens."""
    return address_of(impatient.start("serve", "--port", "0").url())


@pytest.fixture
def connection(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A connection to it."""
    with socket.create_connection(address, timeout=30) as connection:
        yield connection


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def answer_of(connection: socket.socket) -> tuple[int, str, bytes]:
    """Read one answer: status, head and body."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        assert piece, f"closed after {received!r}"
        received += piece
    said, _, body = received.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", said, re.IGNORECASE)[1])  # type: ignore[index]
    while len(body) < length:
        body += connection.recv(65536)
    assert len(body) == length
    return int(said.split()[1]), said.decode().lower(), body


def problem_name(body: bytes) -> str:
    return str(json.loads(body)["type"]).removeprefix("urn:reelwork:problem:")


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


REFUSED = [
    (413, "upload-too-large", "video/mp4", "/video/submit"),
    (415, "unsupported-media", "text/plain", "/video/submit"),
    (405, "method-not-allowed", "video/mp4", "/pipelines"),
    (404, "not-found", "video/mp4", "/nowhere"),
]


@pytest.mark.parametrize(("status", "name", "media_type", "path"), REFUSED)
def test_who_sends_everything_before_reading_reads_the_refusal(
    connection: socket.socket, status: int, name: str, media_type: str, path: str
) -> None:
    connection.sendall(head("POST", path, f"Content-Type: {media_type}", f"Content-Length: {TOO_MUCH}"))
    piece = bytes(2**20)
    for _ in range(TOO_MUCH // len(piece)):
        connection.sendall(piece)
    answered, said, body = answer_of(connection)
    assert (answered, problem_name(body)) == (status, name)
    assert "connection: close" in said
    assert is_closed(connection)


@pytest.mark.parametrize("expects", [True, False])
def test_curl_reads_the_refusal(address: tuple[str, int], tmp_path: Path, expects: bool) -> None:
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(TOO_MUCH)
    expectation = [] if expects else ["--header", "Expect:"]
    url = f"http://{address[0]}:{address[1]}/video/submit"
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--data-binary", f"@{large}"]
    said = subprocess.run(
        [*command, "--header", "Content-Type: video/mp4", *expectation, url], capture_output=True, check=False
    )
    assert problem_name(said.stdout) == "upload-too-large", said.stderr


def test_who_waits_for_leave_to_send_is_refused_at_once(address: tuple[str, int]) -> None:
    expecting = ("Content-Type: video/mp4", f"Content-Length: {TOO_MUCH}", "Expect: 100-continue")
    took_s = []
    for _ in range(3):  # the machine may be busy once
        with socket.create_connection(address, timeout=30) as connection:
            began = time.monotonic()
            connection.sendall(head("POST", "/video/submit", *expecting))
            assert answer_of(connection)[0] == 413
            took_s.append(time.monotonic() - began)
    assert min(took_s) < IDLE_S  # the body, which does not come, was not waited for


def test_a_connection_outlives_a_refused_request_with_a_small_body(connection: socket.socket) -> None:
    for _ in range(3):
        connection.sendall(
            head("POST", "/video/submit", "Content-Type: text/plain", "Content-Length: 9") + b"not a mp4"
        )
        status, said, _ = answer_of(connection)
        assert status == 415
        assert "connection: close" not in said
    connection.sendall(head("GET", "/healthz"))
    assert answer_of(connection)[0] == 200


def test_a_body_that_stops_coming_is_given_up(impatient: Service, connection: socket.socket) -> None:
    begins = head("POST", "/video/submit", "Content-Type: video/mp4", "Content-Length: 500000")
    connection.sendall(begins + b"\0\0\0 ftypisom" + bytes(300_000))
    status, said, body = answer_of(connection)
    assert (status, problem_name(body)) == (408, "upload-stalled")
    assert "connection: close" in said
    assert impatient.stored_files() == []
    assert is_closed(connection)


def test_a_body_that_comes_slowly_but_steadily_is_not(service: Service, media_dir: Path) -> None:
    idle_s = 6.0  # so that a busy machine does not make a pause as long
    patient = service.start("serve", "--port", "0", REELWORK_UPLOAD_IDLE_S=str(idle_s))
    content = (media_dir / "midroll-5s.mp4").read_bytes()
    with socket.create_connection(address_of(patient.url()), timeout=30) as connection:
        connection.sendall(head("POST", "/video/submit", "Content-Type: video/mp4", f"Content-Length: {len(content)}"))
        began = time.monotonic()
        size = len(content) // 5 + 1
        for start in range(0, len(content), size):
            time.sleep(idle_s / 4)
            connection.sendall(content[start : start + size])
        assert time.monotonic() - began > idle_s
        assert answer_of(connection)[0] == 202


@pytest.mark.parametrize("where", ["header", "path"])
def test_a_head_that_does_not_end(connection: socket.socket, where: str) -> None:
    filler = b"a" * (2 * HEAD_BYTES)
    begin = b"GET / HTTP/1.1\r\nX-Filler: " if where == "header" else b"GET /"
    connection.sendall(begin + filler)
    status, _, body = answer_of(connection)
    assert (status, problem_name(body)) == (431, "head-too-large")


def test_long_heads_are_not_too_long(connection: socket.socket) -> None:
    connection.sendall(head("GET", "/healthz", "X-Filler: " + "a" * (HEAD_BYTES // 2)))
    assert answer_of(connection)[0] == 200


def test_what_is_not_http(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x01 this is TLS or the like\r\n\r\n")
    status, said, body = answer_of(connection)
    assert (status, problem_name(body)) == (400, "bad-request")
    assert "application/problem+json" in said


def test_one_connection_too_many_is_told_so(address: tuple[str, int]) -> None:
    connections = [socket.create_connection(address, timeout=30) for _ in range(MOST)]
    try:
        for connection in connections:
            connection.sendall(head("GET", "/healthz"))
            assert answer_of(connection)[0] == 200
        with socket.create_connection(address, timeout=30) as one_more:
            status, said, body = answer_of(one_more)
        assert (status, problem_name(body)) == (503, "too-many-connections")
        assert "retry-after" in said
    finally:
        for connection in connections:
            connection.close()

    def answers_again() -> bool:
        with socket.create_connection(address, timeout=30) as connection:
            connection.sendall(head("GET", "/healthz"))
            return answer_of(connection)[0] == 200

    wait_until(answers_again)
