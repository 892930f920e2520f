"""A damaged file is answered like any other: with results that hold, or with how far it got; always the same.

At length: `python -m tests.soak.fuzz`.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import av
import pytest

from reelwork.errors import DecodingStopped, VideoUnreadable
from reelwork.pipeline.sampling import Sampling
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.pictures import PictureMaker, PictureRequest
from reelwork.video.source import DecodeLimits, VideoFile
from tests.conformance.damage import KINDS, damaged
from tests.conformance.fuzzing import SOURCES, Fuzzer, Verdict, dice_for
from tests.conformance.library import LONG, Library
from tests.conformance.presented import presented

JPEG_BEGINS = b"\xff\xd8"
H264_FILLER = 12
"""The type of a unit that says nothing."""

FILES = SOURCES if LONG else SOURCES[::2]


@pytest.fixture(scope="module")
def fuzzer(scratch: Path) -> Iterator[Fuzzer]:
    fuzzer = Fuzzer(scratch)
    yield fuzzer
    fuzzer.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_holds(library: Library, fuzzer: Fuzzer, kind: str) -> None:
    verdicts = [fuzzer.judge(library[name].path, kind, "short") for name in FILES]
    assert [verdict.complaint for verdict in verdicts if verdict.complaint] == []
    # The dice have thrown something of each kind, or the test shows little.
    assert len({verdict.outcome for verdict in verdicts}) >= 2


class TestAVideoThatCrashesDecodersOfSeveralThreads:
    KIND, SEED = "media overwritten", "296084505-849"

    def test_is_answered_by_one(self, library: Library, fuzzer: Fuzzer) -> None:
        assert fuzzer.judge(library["VP9"].path, self.KIND, self.SEED) == Verdict("stopped")

    def test_is_drawn_as_far_as_it_goes(self, library: Library, scratch: Path) -> None:
        source, path = library["VP9"].path, scratch / "crashing.mp4"
        path.write_bytes(damaged(source.read_bytes(), self.KIND, dice_for(self.SEED, self.KIND, source)))
        make = PictureMaker(DecodeLimits(threads=2), processes=1, timeout_s=30, memory_mb=4096)
        try:
            assert make(PictureRequest(path, 0)).startswith(JPEG_BEGINS)
            with pytest.raises(VideoUnreadable, match="Decoding stopped after frame"):
                make(PictureRequest(path, 9))
        finally:
            make.stop()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (name, place)
        for name in ("B-frames, pyramid", "HEVC, open GOP", "AV1", "VP9", "MPEG-4, B-frames", "Motion JPEG")
        for place in ("in the middle", "at the end")
    ],
)
def test_a_frame_that_cannot_be_decoded_is_missed(library: Library, scratch: Path, name: str, place: str) -> None:
    path = scratch / "damaged.mp4"
    content = bytearray(library[name].path.read_bytes())
    begin, size = packets(library[name].path)[37 if place == "in the middle" else -1]
    content[begin : begin + size] = bytes(size)
    path.write_bytes(content)

    assert len({how_it_ends(path, threads) for threads in (1, 2, 4)}) == 1


@pytest.mark.parametrize(
    "sampling",
    [
        {"max_frames": 50},
        {"ranges": [{"start_frame": 0, "end_frame": 50}]},
        {"ranges": [{"start_s": 1, "end_s": 2}]},
    ],
    ids=["the first", "by number", "by time"],
)
def test_lost_frame_is_missed_though_the_end_is_not_wanted(
    library: Library, scratch: Path, sampling: dict[str, object]
) -> None:
    """Whoever is numbered behind it would have a wrong number."""
    path = scratch / "damaged.mp4"
    content = bytearray(library["HEVC, open GOP"].path.read_bytes())
    begin, size = packets(library["HEVC, open GOP"].path)[37]
    content[begin + 8 : begin + size] = bytes(size - 8)
    path.write_bytes(content)
    wanted = Sampling.model_validate(sampling)

    [told] = {how_it_ends(path, threads, wanted) for threads in (1, 2, 4)}
    last, lost = re.findall(r"after frame (\d+) of 60|\(frame (\d+) did not come out\)", told)
    assert int(last[0]) + 1 == int(lost[1])


@pytest.mark.parametrize("position", [20, -4, -1])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(frame_stride=5)], ids=["every frame", "stride 5"])
def test_a_lost_part_of_a_frame_is_never_missed_by_chance(
    library: Library, scratch: Path, sampling: Sampling, position: int
) -> None:
    path = scratch / "damaged.mp4"
    content = bytearray(library["slices"].path.read_bytes())
    begin, size = packets(library["slices"].path)[position]
    content[units(content, begin, size)[-1]] = H264_FILLER
    path.write_bytes(content)

    assert len({how_the_first_attempt_ends(path, sampling) for _ in range(20)}) == 1


@pytest.mark.parametrize("seed", range(8))
def test_flipped_bits_are_never_missed_by_chance(library: Library, scratch: Path, seed: int) -> None:
    path = scratch / "damaged.mp4"
    content = bytearray(library["B-frames, pyramid"].path.read_bytes())
    KINDS["bits flipped in the media"](content, Random(seed))
    path.write_bytes(content)

    assert len({how_the_first_attempt_ends(path, Sampling(frame_stride=5)) for _ in range(20)}) == 1


def units(content: bytes, begin: int, size: int) -> list[int]:
    """Return where the units of a coded H.264 frame begin, behind their lengths."""
    found, place = [], begin
    while place < begin + size:
        found.append(place + 4)
        place += 4 + int.from_bytes(content[place : place + 4], "big")
    return found


def how_the_first_attempt_ends(path: Path, sampling: Sampling) -> str:
    pictures = []
    try:
        with VideoFile.open(path, DecodeLimits(threads=4)) as video:
            pictures += [sha256(frame.luma().tobytes()).hexdigest() for frame in video.frames(sampling.chooser())]
    except DecodingUnsure as unsure:
        return str(unsure)
    return str(pictures)


def packets(path: Path) -> list[tuple[int, int]]:
    """Return where the coded frames of a file are, and their sizes."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def how_it_ends(path: Path, threads: int, sampling: Sampling | None = None) -> str:
    with pytest.raises(DecodingStopped) as stopped:
        presented(path, sampling, threads)
    return str(stopped.value)
