"""The clock of a request's head: it runs while the head comes, and not while a connection lies idle or is answered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from reelwork.cli import http_protocol
from reelwork.cli.http_protocol import HEAD_S, bounded


async def a_head_could_have_come() -> None:
    """Move the clock on by more than a head may take, so that whatever is due by then happens."""
    loop = asyncio.get_running_loop()
    until_now = loop.time
    loop.time = lambda: until_now() + HEAD_S + 1  # type: ignore[method-assign]
    await asyncio.sleep(0.01)


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """Answer after a while that is longer than a head may take."""
    await a_head_could_have_come()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.2)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(
        answering, http=bounded(10), lifespan="off", log_config=None, ws="none", timeout_keep_alive=3600
    )
    server = uvicorn.Server(config)
    config.load()
    made = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=server.server_state, app_state={}),  # type: ignore[call-arg,operator]
        "127.0.0.1",
    )
    reader, writer = await asyncio.open_connection(*made.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        made.close()


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    return head, await reader.readexactly(length)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_in_time(sent: bytes) -> None:
    async def talk() -> None:
        async with connected() as (reader, writer):
            writer.write(sent)
            head, body = await answer(reader)
            assert head.startswith(b"HTTP/1.1 408 ")
            assert json.loads(body)["type"] == "urn:reelwork:problem:request-timeout"
            assert await reader.read() == b""

    asyncio.run(talk())


def test_an_answer_may_take_longer_and_a_connection_may_rest() -> None:
    async def talk() -> None:
        async with connected() as (reader, writer):
            for _ in range(2):
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                head, body = await answer(reader)
                assert (head.split()[1], body) == (b"200", b"ok")
                await a_head_could_have_come()

    asyncio.run(talk())


def test_the_second_request_of_a_connection_has_its_time_too(request: pytest.FixtureRequest) -> None:
    async def talk() -> None:
        async with connected() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await answer(reader)
            request.getfixturevalue("soon")
            writer.write(b"GET / HT")
            head, _ = await answer(reader)
            assert head.startswith(b"HTTP/1.1 408 ")

    asyncio.run(talk())
