"""Bodies in pieces, plain and compressed."""

import gzip
import io
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from reelwork.api.compression import CODINGS, compressed
from reelwork.api.pieces import PIECE_BYTES, closing, in_pieces, read_pieces
from tests.support.answers import examples
from tests.support.memory import peak_growth_bytes


def plain(body: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


@pytest.mark.parametrize("coding", CODINGS)
@examples
@given(pieces=st.lists(st.binary(max_size=200)))
def test_what_was_compressed_comes_back(coding: str, pieces: list[bytes]) -> None:
    body = list(compressed(pieces, coding))
    assert all(body)
    assert plain(b"".join(body), coding) == b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_the_first_piece_can_be_read_at_once(coding: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"the first piece"
        pytest.fail("the second piece was made before the first was sent")

    first = next(compressed(pieces(), coding))
    decoder = zstandard.ZstdDecompressor().decompressobj() if coding == "zstd" else gzip.zlib.decompressobj(31)  # type: ignore[attr-defined]
    assert decoder.decompress(first) == b"the first piece"


@pytest.mark.parametrize("coding", CODINGS)
def test_any_length_takes_the_same_memory(coding: str) -> None:
    piece = bytes(range(256)) * 256

    def compress(count: int) -> None:
        for _ in compressed((piece for _ in range(count)), coding):
            pass

    compress(1)
    assert peak_growth_bytes(lambda: compress(300)) < 2**20


@examples
@given(st.lists(st.text(max_size=20)))
def test_nothing_is_lost_between_pieces(parts: list[str]) -> None:
    assert b"".join(in_pieces(parts)).decode() == "".join(parts)


def test_the_first_part_goes_out_alone_and_the_others_together() -> None:
    sizes = [len(piece) for piece in in_pieces([b"", b"a", *[b"bb" * 512] * 200])]
    assert sizes == [1, PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, 200 * 1024 - 3 * PIECE_BYTES]


@examples
@given(st.binary(max_size=50), st.integers(0, 60), st.none() | st.integers(0, 60))
def test_bytes_from_here_to_there(content: bytes, start: int, length: int | None) -> None:
    end = None if length is None else start + length
    assert b"".join(read_pieces(io.BytesIO(content), start, length)) == content[start:end]


def test_a_document_is_closed_when_nobody_wants_more() -> None:
    document = io.BytesIO(b"abc")
    pieces = closing(document, iter([b"a", b"b"]))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert document.closed
