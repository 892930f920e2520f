"""What a packet says of itself, compared with what the encoder and the decoder make of it."""

from pathlib import Path
from typing import Any

import av
import pytest

from reelwork.pipeline.sampling import Sampling
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.frame import Frame
from reelwork.video.references import Loss, References
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.clips import boxes
from tests.support.encodes import (
    B_FRAMES,
    GOP,
    HEVC_IN_LAYERS,
    HEVC_OPEN_GOP,
    OPEN_GOP,
    PYRAMID,
    SVT_AV1,
    VP9,
    encoded,
    x264,
    x265,
)

AVC = bytes([1, 100, 0, 10, 0xFF])
HEVC = bytes([1, *[0] * 20, 0b00_001_1_11])
LAYERED_HEVC = bytes([1, *[0] * 20, 0b00_010_1_11])
UNKNOWN_LAYERED_HEVC = bytes([1, *[0] * 20, 0b00_000_1_11])
ENCODES: dict[str, Any] = {
    "no B-frames": x264(**GOP, bframes=0),
    "B-frames": x264(**B_FRAMES),
    "slices": x264(**PYRAMID, slices=3),
    "open GOP": x264(**OPEN_GOP),
    "HEVC": x265(**HEVC_OPEN_GOP),
}


def packet(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


class TestUnits:
    @pytest.mark.parametrize(
        ("units", "loss"),
        [
            ([b"\x01..."], Loss.PICTURE),
            ([b"\x01...", b"\x01..."], Loss.PICTURE),
            ([b"\x01...", b"\x41..."], Loss.REFERENCE),
            ([b"\x21..."], Loss.REFERENCE),
            ([b"\x65..."], Loss.REFERENCE),
            ([b"\x09", b"\x01...", b"\x0c"], Loss.PICTURE),
            ([b"\x06 supplements", b"\x01..."], Loss.SIDE_DATA),
            ([b"\x67 sets", b"\x09", b"\x01..."], Loss.SIDE_DATA),
            ([b"\x67 sets"], Loss.REFERENCE),
            ([], Loss.REFERENCE),
            ([b"", b"\x01..."], Loss.PICTURE),
            ([b""], Loss.REFERENCE),
        ],
    )
    def test_h264(self, units: list[bytes], loss: Loss) -> None:
        references = References.of("h264", AVC)
        assert references is not None
        assert references.loss_of(packet(*units)) is loss

    @pytest.mark.parametrize(
        ("kind", "loss"),
        [
            (0, Loss.PICTURE),
            (1, Loss.REFERENCE),
            (8, Loss.PICTURE),
            (9, Loss.REFERENCE),
            (19, Loss.REFERENCE),
            (21, Loss.REFERENCE),
        ],
    )
    def test_hevc(self, kind: int, loss: Loss) -> None:
        references = References.of("hevc", HEVC)
        assert references is not None
        picture, delimiter, supplements = (bytes([of << 1, 1]) for of in (kind, 35, 39))
        assert references.loss_of(packet(delimiter, picture)) is loss
        assert references.loss_of(packet(supplements, picture)) is max(loss, Loss.SIDE_DATA)

    @pytest.mark.parametrize(
        ("configuration", "layer", "loss"),
        [
            (LAYERED_HEVC, 1, Loss.REFERENCE),
            (LAYERED_HEVC, 2, Loss.PICTURE),
            (UNKNOWN_LAYERED_HEVC, 1, Loss.REFERENCE),
            (HEVC, 2, Loss.REFERENCE),
        ],
    )
    def test_hevc_in_layers(self, configuration: bytes, layer: int, loss: Loss) -> None:
        references = References.of("hevc", configuration)
        assert references is not None
        assert references.loss_of(packet(bytes([0, layer]))) is loss

    def test_other_codecs_and_configurations_are_not_read(self) -> None:
        for codec, configuration in (
            ("vp9", AVC),
            ("h264", None),
            ("h264", b""),
            ("h264", b"\0\0\0\1g"),
            ("hevc", AVC),
        ):
            assert References.of(codec, configuration) is None

    @pytest.mark.parametrize("content", [b"", b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff\x41", b"\0\0\0\x05\x41"])
    def test_what_is_broken_may_be_referred_to(self, content: bytes) -> None:
        references = References.of("h264", AVC)
        assert references is not None
        assert references.loss_of(content) is Loss.REFERENCE


@pytest.fixture(scope="module", params=ENCODES)
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encoded(tmp_path_factory.mktemp("clips") / "clip.mp4", **ENCODES[request.param])


def test_a_decoder_leaves_out_those_that_no_other_refers_to(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        references = References.of(stream.codec_context.name, stream.codec_context.extradata)
        assert references is not None
        packets = [packet for packet in container.demux(stream) if packet.size]
        kept = {packet.pts for packet in packets if references.loss_of(memoryview(packet)) is Loss.REFERENCE}
        stream.codec_context.skip_frame = "NONREF"
        decoded = {frame.pts for packet in [*packets, None] for frame in stream.codec_context.decode(packet)}
    assert decoded == kept
    assert 4 <= len(kept) <= 60


@pytest.fixture(scope="module", params=[*ENCODES, "HEVC in layers", "VP9", "AV1"])
def any_clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    how = {**ENCODES, "HEVC in layers": HEVC_IN_LAYERS, "VP9": VP9, "AV1": SVT_AV1}[request.param]
    return encoded(tmp_path_factory.mktemp("clips") / "clip.mp4", **how)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_picked_is_right_whatever_frame_is_lost(any_clip: Path, tmp_path: Path, threads: int) -> None:
    """Or it is said that it may not be: nothing that the lost frame spoils is taken for sound."""
    intact = {frame.index: frame.luma().tobytes() for frame in decoded(any_clip, {})}
    unsure = 0
    for number in range(0, 48, 5 if threads == 1 else 11):
        lost = without(any_clip, number, tmp_path / "lost.mp4")
        try:
            picked = decoded(lost, {"frame_stride": 3}, threads)
        except DecodingUnsure:
            unsure += 1
            continue
        assert all(frame.luma().tobytes() == intact[frame.index] for frame in picked), f"packet {number}"
    assert unsure


def decoded(path: Path, sampling: dict[str, Any], threads: int = 1) -> list[Frame]:
    with VideoFile.open(path, DecodeLimits(threads=threads)) as video:
        return list(video.frames(Sampling.model_validate(sampling).chooser()))


def without(clip: Path, number: int, path: Path) -> Path:
    """Overwrite a packet behind its first bytes, so that it says what it is and nothing can be made of it."""
    content = bytearray(clip.read_bytes())
    media = next(start for kind, start, _ in boxes(content) if kind == b"mdat")
    with av.open(str(clip)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    first, size = media + sum(sizes[:number]), sizes[number]
    content[first + min(5, size) : first + size] = bytes(max(size - 5, 0))
    path.write_bytes(content)
    return path
