"""A decoder of several threads gives out a frame only once the thread that decodes it is done with it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwork.pipeline.sampling import Sampling
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.clips import encode_clip, numbered

FRAMES = 80
_REORDERING_SAID = re.compile(r"1111(?=0001\d{3}0001\d{3}\d{4,12}10*$)")
"""In the last bits of x264's parameters: that something is said of it, and what comes in front of that.

ITU-T H.264, E.1.1: from bitstream_restriction_flag to max_bits_per_mb_denom.
"""


def all_one_after_the_other(path: Path) -> Path:
    return encode_clip(path, numbered(FRAMES), options={"bf": "0"})


def b_frames(path: Path) -> Path:
    return encode_clip(path, numbered(FRAMES), options={"bf": "3", "b-adapt": "0", "b-pyramid": "none"})


def b_frames_that_others_refer_to(path: Path) -> Path:
    return encode_clip(path, numbered(FRAMES), options={"bf": "16", "b-adapt": "0"})


def b_frames_after_a_while_and_nothing_says_so(path: Path) -> Path:
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    encode_clip(path, numbered(FRAMES), keys=range(FRAMES // 2), options={"bf": "3", "b-adapt": "0"}, muxer=fragments)
    content = path.read_bytes()
    begin = content.index(b"avcC") + 4 + 8
    end = begin + int.from_bytes(content[begin - 2 : begin], "big")
    bits = f"{int.from_bytes(content[begin:end], 'big'):0{8 * (end - begin)}b}"
    said = _REORDERING_SAID.search(bits)
    assert said is not None
    bits = f"{bits[: said.start()]}01".ljust(len(bits), "0")
    path.write_bytes(content[:begin] + int(bits, 2).to_bytes(end - begin, "big") + content[end:])
    return path


CLIPS = (
    all_one_after_the_other,
    b_frames,
    b_frames_that_others_refer_to,
    b_frames_after_a_while_and_nothing_says_so,
)


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("clip", CLIPS, ids=[clip.__name__ for clip in CLIPS])
def test_h264_frames_wait_for_their_threads(clip: Callable[[Path], Path], threads: int, tmp_path: Path) -> None:
    assert shortest_wait(clip(tmp_path / "clip.mp4"), threads) >= threads + (threads - 1)


def shortest_wait(path: Path, threads: int) -> int:
    """Return how many packets the decoder takes behind a frame's own, at least, before it gives out the frame.

    What it gives was chosen as many packets earlier as there are other threads.
    """
    waits: list[int] = []
    numbers: dict[int | None, int] = {}
    with VideoFile.open(path, DecodeLimits(threads=threads)) as video:
        packets = video._container.demux(video._stream)
        for number, packet in enumerate(packets):
            if packet.size:  # at the end it gives out all that it has
                numbers[packet.pts] = number
                waits += [number - numbers[frame.pts] for frame in packet.decode()]
    assert len(waits) > FRAMES / 2
    return min(waits)


class TestInterlacedMpeg4:
    """FFmpeg's decoder of it gives other pictures in several threads, and says nothing."""

    @pytest.fixture
    def clip(self, tmp_path: Path) -> Path:
        return encode_clip(
            tmp_path / "clip.mp4", numbered(12), codec="mpeg4", options={"bf": "2", "flags": "+ilme+ildct"}
        )

    @pytest.mark.parametrize("sampling", [Sampling(), Sampling(frame_stride=3)], ids=["every frame", "stride 3"])
    def test_is_decoded_by_one_thread(self, clip: Path, sampling: Sampling) -> None:
        with (
            VideoFile.open(clip, DecodeLimits(threads=2)) as video,
            pytest.raises(DecodingUnsure, match="interlaced MPEG-4"),
        ):
            list(video.frames(sampling.chooser()))
        for limits, careful in ((DecodeLimits(threads=1), False), (DecodeLimits(threads=2), True)):
            with VideoFile.open(clip, limits, careful=careful) as video:
                assert len(list(video.frames())) == 12

    def test_any_other_is_not(self, tmp_path: Path) -> None:
        path = encode_clip(tmp_path / "clip.mp4", numbered(12), codec="mpeg4", options={"bf": "2"})
        with VideoFile.open(path, DecodeLimits(threads=2)) as video:
            assert len(list(video.frames())) == 12
