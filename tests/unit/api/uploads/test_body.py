"""The body of a request, handed from the event loop to a thread."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from reelwork.api.uploads.body import PIECE_BYTES, PIECES_AHEAD, Body, file_of
from reelwork.errors import UploadMalformed

_MESSAGE_BYTES = 2**16
_RAW = b"video/mp4"
_FORM = b"multipart/form-data; boundary=x"


class Arriving:
    """What a server gives: messages of one size, as fast as they are asked for."""

    def __init__(self, bodies: Iterable[bytes], ends: bool = True) -> None:
        self._bodies = list(bodies)
        self._ends = ends
        self.given = 0

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        if self.given == len(self._bodies):
            return {"type": "http.disconnect"}
        self.given += 1
        return {
            "type": "http.request",
            "body": self._bodies[self.given - 1],
            "more_body": not self._ends or self.given < len(self._bodies),
        }


def body_of(arriving: Arriving, content_type: bytes = _RAW) -> Body:
    """Return the body of a request of which these messages come."""
    return file_of(Request({"type": "http", "headers": [(b"content-type", content_type)]}, arriving.receive))


def in_a_request(act: Callable[[], Awaitable[None]]) -> None:
    """Run what a request does."""
    asyncio.run(asyncio.wait_for(act(), 30))


def test_pieces_are_what_came() -> None:
    sent = [bytes([number % 256]) * _MESSAGE_BYTES for number in range(100)]

    async def act() -> None:
        async with body_of(Arriving(sent)) as body:
            pieces = await asyncio.to_thread(list, body.chunks())
        assert b"".join(pieces) == b"".join(sent)
        assert {len(piece) for piece in pieces[:-1]} == {PIECE_BYTES}

    in_a_request(act)


def test_no_more_is_collected_than_a_few_pieces() -> None:
    arriving = Arriving([bytes(_MESSAGE_BYTES)] * 1000)

    async def act() -> None:
        async with body_of(arriving) as body:
            chunks = body.chunks()
            for taken in range(1, 4):
                await asyncio.to_thread(next, chunks)
                await asyncio.sleep(0.2)
                # The one in hand makes room when the next is asked for.
                assert arriving.given == (taken + PIECES_AHEAD) * PIECE_BYTES // _MESSAGE_BYTES

    in_a_request(act)


def test_client_that_goes_away_is_told_behind_what_came() -> None:
    async def act() -> None:
        async with body_of(Arriving([bytes(_MESSAGE_BYTES)] * 20, ends=False)) as body:
            pieces: list[bytes] = []
            with pytest.raises(ClientDisconnect):
                await asyncio.to_thread(pieces.extend, body.chunks())
        assert sum(map(len, pieces)) == 20 * _MESSAGE_BYTES

    in_a_request(act)


def test_mistake_in_the_middle_reaches_the_thread() -> None:
    begun = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n' + bytes(2 * PIECE_BYTES)
    broken = b"\r\n--x\r\nno header\r\n\r\n"

    async def act() -> None:
        async with body_of(Arriving([begun, broken, bytes(_MESSAGE_BYTES)]), _FORM) as body:
            chunks = body.chunks()
            assert len(await asyncio.to_thread(next, chunks)) >= PIECE_BYTES
            with pytest.raises(UploadMalformed):
                await asyncio.to_thread(list, chunks)

    in_a_request(act)


def test_request_that_ends_releases_the_thread_and_is_not_taken_for_whole() -> None:
    class Silent(Arriving):
        async def receive(self) -> Message:
            if self.given:
                await asyncio.sleep(3600)
            return await super().receive()

    async def act() -> None:
        async with body_of(Silent([bytes(PIECE_BYTES)] * 2)) as body:
            reading = asyncio.create_task(asyncio.to_thread(list, body.chunks()))
            await asyncio.sleep(0.1)
        with pytest.raises(ClientDisconnect):
            await reading

    in_a_request(act)
