"""The client when the other side is away, breaks off, or is something else."""

import socket
from pathlib import Path
from uuid import uuid4

import pytest

from reelwork.client import Client, ConnectionLost, RequestRefused, ServiceUnreachable, UnexpectedAnswer
from reelwork.client.submitting import RESUMABLE_FROM_BYTES
from reelwork.errors import ConfigurationError, ReelworkError
from tests.support.shell import free_port
from tests.unit.client.conftest import Connect
from tests.unit.client.peers import answering, response

PROBLEM = (
    b'{"type":"urn:reelwork:problem:upload-too-large","title":"Too large","status":413,"detail":"Too large by far."}'
)


def test_nobody_answers(connect: Connect) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServiceUnreachable) as caught:
        connect(url).pipelines()
    assert str(caught.value) == f"No Reelwork service answers at {url}. Start one with: reelwork up"
    assert not isinstance(caught.value, ConnectionLost)


def test_nobody_answers_an_upload(connect: Connect, clip: Path) -> None:
    with pytest.raises(ServiceUnreachable):
        connect(f"http://127.0.0.1:{free_port()}").submit(clip)


def test_a_refusal_is_heard_although_the_connection_is_cut(
    connect: Connect, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # Now and then asyncio closes a connection that is reset with the answer in it unread: then the client asks again.
    may_ask_again = request.node.callspec.params["connect"] == "async"
    path = tmp_path / "large.mp4"
    with path.open("wb") as stream:
        stream.truncate(RESUMABLE_FROM_BYTES - 1)
    answer = response("413 Content Too Large", "application/problem+json", PROBLEM)
    with (
        answering(answer, on_and_on=may_ask_again) as url,
        pytest.raises(RequestRefused, match="Too large by far"),
    ):
        connect(url).submit(path)


def test_a_connection_that_is_cut_again_and_again(connect: Connect, clip: Path) -> None:
    with answering(b"", b"") as url, pytest.raises(ConnectionLost, match="lost before it answered"):
        connect(url, outage_s=0.05).submit(clip)


def test_half_an_answer(connect: Connect) -> None:
    whole = response("200 OK", "application/json", b'{"pipelines":[]}')
    with answering(whole[:-5]) as url, pytest.raises(ConnectionLost):
        connect(url).pipelines()


def test_silence_is_not_waited_for_forever(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionLost, match=r"nothing came for 0\.2 s"):
            connect(url, timeout_s=0.2).pipelines()


@pytest.mark.parametrize(
    "answer",
    [
        response("200 OK", "text/html", b"<h1>It works!</h1>"),
        response("404 Not Found", "text/html", b"<h1>No</h1>"),
        response("302 Found", "text/html", b""),
        response("200 OK", "application/json", b'{"pipelines":[{"name":1}]}'),
    ],
)
def test_something_else_answers(connect: Connect, answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(UnexpectedAnswer, match="not seem to be"):
        connect(url).pipelines()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://localhost", "http://"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the URL of a service"):
        Client(url)


def test_a_file_that_shrinks_is_not_taken_for_a_whole_one(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "shrinking.mp4"
    path.write_bytes(bytes(2**20))

    def shrink(sent: int, total: int) -> None:
        if sent:
            path.write_bytes(b"")

    peer = answering(b"", announced=b"\r\n\r\n" + bytes(2**18))
    with peer as url, pytest.raises(ReelworkError, match="became shorter"):
        connect(url).submit(path, on_progress=shrink)


def test_a_short_outage_is_waited_for(connect: Connect) -> None:
    job_id = uuid4()
    body = b'{"job_id":"%s","status":"completed","progress":1.0}' % str(job_id).encode()
    answers = [b"", response("200 OK", "application/json", body)]
    with answering(*answers) as url:
        assert connect(url).job(job_id).wait().status == "completed"
