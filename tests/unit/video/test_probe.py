"""What is accepted as a video, and the sentence for everything that is not."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from reelwork.errors import VideoUnreadable
from reelwork.video.mp4 import SNIFF_BYTES, looks_like_mp4, top_level_boxes
from reelwork.video.probe import probe
from reelwork.video.source import DecodeLimits, VideoFacts
from tests.support.clips import (
    boxes,
    encode_audio,
    encode_clip,
    numbered,
    plain,
    truncated,
    with_damage,
    with_external_data,
    with_rotation,
    with_sample_entry,
)
from tests.support.encodes import ENCODES, encoded

NOT_MP4 = "The file is not an MP4. Convert it first, for example with: ffmpeg -i input output.mp4"
NO_INDEX = (
    "The MP4 is truncated: its index (the moov box) is missing, as when a recording or an upload was cut off. "
    "Send the whole file."
)
BAD_INDEX = "The MP4 is damaged: its index cannot be read. Export or record the video again."
NO_PICTURE = "No frame of the video can be decoded: the file is damaged or truncated. Send the whole file."
ENCRYPTED = (
    "The video track is encrypted (DRM) or coded in a way this service has no decoder for. "
    "Send an unprotected MP4, for example with H.264 video."
)


def refusal(path: Path, limits: DecodeLimits | None = None) -> str:
    with pytest.raises(VideoUnreadable) as caught:
        probe(path, limits or DecodeLimits())
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


class TestAccepted:
    @pytest.mark.parametrize(
        ("name", "facts"),
        [
            ("midroll-5s.mp4", VideoFacts("h264", 640, 360, 5.0, 125)),
            ("hevc-bframes.mp4", VideoFacts("hevc", 854, 480, 1.0, 30)),
            ("person-small.mp4", VideoFacts("h264", 1080, 720, 1.001, 30)),
        ],
    )
    def test_what_the_container_says(self, media_dir: Path, name: str, facts: VideoFacts) -> None:
        assert probe(media_dir / name, DecodeLimits()) == facts

    @pytest.mark.parametrize(("degrees", "turned"), [(0, False), (90, True), (180, False), (270, True)])
    def test_whether_a_quarter_turn_makes_it_upright(self, tmp_path: Path, degrees: int, turned: bool) -> None:
        clip = with_rotation(encode_clip(tmp_path / "x.mp4", [plain(9, 64, 48)] * 2), degrees)
        facts = probe(clip, DecodeLimits())
        assert (facts.width, facts.height, facts.turned) == (64, 48, turned)

    def test_fragments(self, media_dir: Path) -> None:
        facts = probe(media_dir / "fragmented.mp4", DecodeLimits())
        assert (facts.codec, facts.width, facts.height, facts.expected_frames) == ("h264", 1080, 720, None)

    @pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "libvpx-vp9"])
    def test_codecs(self, tmp_path: Path, codec: str) -> None:
        options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        clip = encode_clip(tmp_path / "x.mp4", numbered(3), codec=codec, options=options)
        assert probe(clip, DecodeLimits()).expected_frames == 3

    def test_a_clip_whose_index_comes_last(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", numbered(3), movflags="")
        assert top_level_boxes(clip)[-1] == "moov"
        assert probe(clip, DecodeLimits()).expected_frames == 3

    def test_one_that_breaks_off_later_on(self, noisy_clip: Path, tmp_path: Path) -> None:
        assert probe(truncated(noisy_clip, tmp_path / "x.mp4", 0.75), DecodeLimits()).expected_frames == 40

    @pytest.mark.parametrize("name", ["video with spaces.mp4", "100%.mp4", "ä.mp4", "a:b.mp4", "x", "x.mp4?a=b#c"])
    def test_the_name_of_the_file_does_not_matter(self, noisy_clip: Path, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(noisy_clip.read_bytes())
        assert probe(tmp_path / name, DecodeLimits()).expected_frames == 40

    def test_the_largest_picture(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", [plain(9, 64, 48)] * 2)
        assert probe(clip, DecodeLimits(max_pixels=64 * 48)).width == 64


class TestRefused:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\x00",
            b"hello, this is text",
            b"\x89PNG\r\n\x1a\n" + bytes(100),
            b"RIFF\x00\x01\x00\x00AVI LIST" + bytes(100),
            b"\x1aE\xdf\xa3" + bytes(100),
            b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
            bytes(5000),
            b"\xff" * 5000,
        ],
        ids=["empty", "one byte", "text", "png", "avi", "matroska", "hls", "zeros", "ones"],
    )
    def test_what_is_no_mp4(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "x.mp4").write_bytes(content)
        assert refusal(tmp_path / "x.mp4") == NOT_MP4

    def test_another_container_under_the_name(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", numbered(3), container="matroska", movflags="")
        assert refusal(clip) == NOT_MP4

    @pytest.mark.parametrize("keep", [0.3, 0.8, 40])
    def test_truncated_before_its_index(self, noisy_pictures: list, tmp_path: Path, keep: float) -> None:  # type: ignore[type-arg]
        clip = encode_clip(tmp_path / "whole.mp4", noisy_pictures[:5], movflags="")
        assert refusal(truncated(clip, tmp_path / "x.mp4", keep)) == NO_INDEX

    def test_an_index_that_cannot_be_read(self, noisy_clip: Path, tmp_path: Path) -> None:
        content = bytearray(noisy_clip.read_bytes())
        for kind, start, end in boxes(bytes(content)):
            if kind == b"mdia":
                content[start:end] = b"\xff" * (end - start)
                break
        (tmp_path / "x.mp4").write_bytes(content)
        assert refusal(tmp_path / "x.mp4") in {BAD_INDEX, "The MP4 has no video track (no tracks that can be read)."}

    def test_audio_alone(self, tmp_path: Path) -> None:
        assert refusal(encode_audio(tmp_path / "x.mp4")) == "The MP4 has no video track (only audio)."

    def test_a_cover_picture_is_no_video(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", numbered(1), codec="mjpeg", pixel_format="yuvj420p")
        with av.open(str(clip)) as source, av.open(str(tmp_path / "y.mp4"), "w", format="mp4") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            stream.disposition = av.stream.Disposition.attached_pic
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
        assert refusal(tmp_path / "y.mp4").startswith("The MP4 has no video track")

    def test_an_encrypted_track(self, noisy_clip: Path, tmp_path: Path) -> None:
        clip = with_sample_entry(truncated(noisy_clip, tmp_path / "x.mp4", 1.0), b"avc1", b"encv")
        assert refusal(clip) == ENCRYPTED

    def test_a_codec_there_is_no_decoder_for(self, noisy_clip: Path, tmp_path: Path) -> None:
        clip = with_sample_entry(truncated(noisy_clip, tmp_path / "x.mp4", 1.0), b"avc1", b"zzzz")
        assert refusal(clip) == ENCRYPTED

    def test_a_codec_whose_name_is_no_text(self, tmp_path: Path) -> None:
        clip = encoded(tmp_path / "x.mp4", **ENCODES["MPEG-4"])
        assert probe(with_sample_entry(clip, b"mp4v", b"mp4\xca"), DecodeLimits()).codec == "mpeg4"

    def test_a_track_without_frames(self, fragmented_clip: Path, tmp_path: Path) -> None:
        content = fragmented_clip.read_bytes()
        index_ends = next(end for kind, _, end in boxes(content) if kind == b"moov")
        assert refusal(truncated(fragmented_clip, tmp_path / "x.mp4", index_ends)) == "The video track holds no frames."

    def test_truncated_right_behind_its_index(self, noisy_clip: Path, tmp_path: Path) -> None:
        content = noisy_clip.read_bytes()
        data_begins = next(start for kind, start, _ in boxes(content) if kind == b"mdat")
        assert refusal(truncated(noisy_clip, tmp_path / "x.mp4", data_begins)) == NO_PICTURE

    def test_no_frame_that_can_be_decoded(self, noisy_clip: Path, tmp_path: Path) -> None:
        clip = with_damage(truncated(noisy_clip, tmp_path / "x.mp4", 1.0), 0, 1)
        assert refusal(clip) == NO_PICTURE

    def test_more_pixels_than_are_decoded(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", [plain(9, 64, 48)] * 2)
        assert refusal(clip, DecodeLimits(max_pixels=64 * 48 - 1)) == (
            "The picture is 64x48, more than the 3071 pixels this service decodes. Send a smaller version."
        )

    def test_a_turned_picture_has_as_many_pixels(self, tmp_path: Path) -> None:
        clip = with_rotation(encode_clip(tmp_path / "x.mp4", [plain(9, 64, 48)] * 2), 90)
        assert "more than the 3000 pixels" in refusal(clip, DecodeLimits(max_pixels=3000))

    def test_a_picture_that_is_larger_than_the_container_says(self, tmp_path: Path) -> None:
        """The sample description lies; the decoder has a limit of its own."""
        clip = encode_clip(tmp_path / "x.mp4", [plain(9, 320, 240)] * 2)
        content = bytearray(clip.read_bytes())
        for kind, start, _ in boxes(bytes(content)):
            if kind == b"stsd":
                content[start + 40 : start + 44] = struct.pack(">HH", 16, 16)
        clip.write_bytes(content)
        assert refusal(clip, DecodeLimits(max_pixels=16 * 16))

    @pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None], ids=["directory", "missing"])
    def test_what_is_no_file_is_no_video(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "x.mp4")
        with pytest.raises((VideoUnreadable, OSError)):
            probe(tmp_path / "x.mp4", DecodeLimits())


class TestOtherFiles:
    """An upload is this one file: nothing in it makes the decoder open another, or the network."""

    @pytest.mark.parametrize(
        "text",
        [
            "ffconcat version 1.0\nfile '{other}'\nduration 1\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{other}\n#EXT-X-ENDLIST\n",
            '<?xml version="1.0"?><MPD><Period><BaseURL>{other}</BaseURL></Period></MPD>',
            "v=0\nm=video 1 RTP/AVP 96\na=control:{other}\n",
        ],
        ids=["ffconcat", "hls", "hls with url", "dash", "sdp"],
    )
    def test_a_playlist_opens_none(self, noisy_clip: Path, tmp_path: Path, text: str) -> None:
        other = tmp_path / "other.mp4"
        other.write_bytes(noisy_clip.read_bytes())
        playlist = tmp_path / "x.mp4"
        playlist.write_text(text.format(other=other))
        assert refusal(playlist) == NOT_MP4
        playlist.write_text(text.format(other="other.mp4"))
        assert refusal(playlist) == NOT_MP4

    def test_a_playlist_would_open_another_if_it_were_let(self, noisy_clip: Path, tmp_path: Path) -> None:
        """What the refusal above is good for."""
        (tmp_path / "other.mp4").write_bytes(noisy_clip.read_bytes())
        (tmp_path / "x.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
        with av.open(str(tmp_path / "x.mp4")) as container:
            assert len(list(container.decode(video=0))) == 40

    def test_a_reference_within_an_mp4_is_not_followed(self, noisy_clip: Path, tmp_path: Path) -> None:
        (tmp_path / "other.mp4").write_bytes(noisy_clip.read_bytes())
        assert refusal(with_external_data(noisy_clip, tmp_path / "x.mp4", tmp_path / "other.mp4")) == NO_PICTURE

    def test_a_reference_within_an_mp4_would_be_followed_if_it_were_let(self, noisy_clip: Path, tmp_path: Path) -> None:
        """What the refusal above is good for."""
        (tmp_path / "other.mp4").write_bytes(noisy_clip.read_bytes())
        path = with_external_data(noisy_clip, tmp_path / "x.mp4", tmp_path / "other.mp4")
        with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
            assert len(list(container.decode(video=0))) == 40


class TestBoxes:
    @pytest.mark.parametrize(
        ("head", "answer"),
        [
            (b"\x00\x00\x00\x18ftypisom", True),
            (b"\x00\x00\x00\x08moov", True),
            (b"\x00\x00\x00\x08wide\x00\x00\x00\x00", True),
            (b"\x00\x00\x00\x00mdat\x00\x00\x00\x00", True),
            (b"", False),
            (b"\x00\x00\x00\x18fty", False),
            (b"\x00\x00\x00\x18abcdisom", False),
            (b"ftypftyp"[::-1], False),
            (b"#EXTM3U\n#EXT", False),
        ],
    )
    def test_the_first_bytes(self, head: bytes, answer: bool) -> None:
        assert looks_like_mp4(head) is answer

    def test_every_clip_begins_like_one(self, media_dir: Path) -> None:
        clips = sorted(media_dir.glob("*.mp4"))
        assert len(clips) >= 5
        for clip in clips:
            assert looks_like_mp4(clip.read_bytes()[:SNIFF_BYTES])

    @pytest.mark.parametrize(
        ("content", "kinds"),
        [
            (b"", []),
            (b"\x00\x00\x00\x08ftyp", ["ftyp"]),
            (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x0cmdatabcd\x00\x00\x00\x08moov", ["ftyp", "mdat", "moov"]),
            (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x00mdat-to-the-end", ["ftyp", "mdat"]),
            (b"\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x12xx\x00\x00\x00\x08moov", ["mdat", "moov"]),
            (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x0dmdatabcd", ["ftyp"]),
            (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x07mdat", ["ftyp"]),
            (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x01mdat\x00\x00", ["ftyp"]),
            (b"\x00\x00\x00\x01mdat" + bytes(8), []),
            (b"\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff", []),
            (b"\x00\x00\x00\x08ftyp\x00\x00\x00", ["ftyp"]),
            (b"\xff" * 64, []),
        ],
    )
    def test_the_top_level(self, tmp_path: Path, content: bytes, kinds: list[str]) -> None:
        (tmp_path / "x.mp4").write_bytes(content)
        assert top_level_boxes(tmp_path / "x.mp4") == kinds
