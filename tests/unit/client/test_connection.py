"""The client when the other side is away, breaks off, or is something else."""

import socket
from pathlib import Path
from uuid import uuid4

import pytest

from reelwork.client import Client, ConnectionLost, ServiceProblem, ServiceUnreachable, UnexpectedAnswer
from reelwork.errors import ConfigurationError, ReelworkError
from tests.unit.client.peers import answering, response

PROBLEM = (
    b'{"type":"urn:reelwork:problem:upload-too-large","title":"Too large","status":413,"detail":"Too large by far."}'
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_nobody_answers() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url) as client, pytest.raises(ServiceUnreachable) as caught:
        client.pipelines()
    assert str(caught.value) == f"No Reelwork service answers at {url}. Start one with: reelwork up"
    assert not isinstance(caught.value, ConnectionLost)


def test_nobody_answers_an_upload(media_dir: Path) -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(ServiceUnreachable):
        client.submit(media_dir / "midroll-5s.mp4")


def test_a_refusal_is_heard_although_the_connection_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with path.open("wb") as stream:
        stream.truncate(2**26)
    answer = response("413 Content Too Large", "application/problem+json", PROBLEM)
    with answering(answer) as url, Client(url) as client, pytest.raises(ServiceProblem, match="Too large by far"):
        client.submit(path)


def test_the_connection_is_cut_without_an_answer(media_dir: Path) -> None:
    with answering(b"") as url, Client(url) as client, pytest.raises(ConnectionLost, match="lost before it answered"):
        client.submit(media_dir / "midroll-5s.mp4")


def test_half_an_answer() -> None:
    whole = response("200 OK", "application/json", b'{"pipelines":[]}')
    with answering(whole[:-5]) as url, Client(url) as client, pytest.raises(ConnectionLost):
        client.pipelines()


def test_silence_is_not_waited_for_forever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(url, timeout_s=0.2) as client, pytest.raises(ConnectionLost, match=r"nothing came for 0\.2 s"):
            client.pipelines()


@pytest.mark.parametrize(
    "answer",
    [
        response("200 OK", "text/html", b"<h1>It works!</h1>"),
        response("404 Not Found", "text/html", b"<h1>No</h1>"),
        response("302 Found", "text/html", b""),
        response("200 OK", "application/json", b'{"pipelines":[{"name":1}]}'),
    ],
)
def test_something_else_answers(answer: bytes) -> None:
    with answering(answer) as url, Client(url) as client, pytest.raises(UnexpectedAnswer, match="not seem to be"):
        client.pipelines()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://localhost", "http://"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the URL of a service"):
        Client(url)


def test_a_file_that_shrinks_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "shrinking.mp4"
    path.write_bytes(bytes(2**20))

    def shrink(sent: int, total: int) -> None:
        if sent:
            path.write_bytes(b"")

    peer = answering(b"", announced=b"\r\n\r\n" + bytes(2**18))
    with peer as url, Client(url) as client, pytest.raises(ReelworkError, match="became shorter"):
        client.submit(path, on_progress=shrink)


def test_a_short_outage_is_waited_for() -> None:
    job_id = uuid4()
    body = b'{"job_id":"%s","status":"completed","progress":1.0}' % str(job_id).encode()
    answers = [b"", response("200 OK", "application/json", body)]
    with answering(*answers) as url, Client(url) as client:
        assert client.wait(job_id).status == "completed"
