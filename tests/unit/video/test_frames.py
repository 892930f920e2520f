"""Every presented frame, once, in order, with its exact time and its picture."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelwork.errors import DecodingStopped
from reelwork.video.decoding import DecodingUnsure
from reelwork.video.frame import Frame
from reelwork.video.orientation import UPRIGHT
from reelwork.video.source import DecodeLimits, VideoFile
from tests.support.clips import (
    boxes,
    encode_clip,
    encode_growing_clip,
    marked_corner,
    numbered,
    plain,
    truncated,
    with_damage,
    with_rotation,
)

CLIPS = ["burned-in-time-15fps.mp4", "fragmented.mp4", "hevc-bframes.mp4", "midroll-5s.mp4", "person-small.mp4"]


def decoded(path: Path, threads: int = 0) -> list[Frame]:
    with VideoFile.open(path, DecodeLimits(threads=threads)) as video:
        return list(video.frames())


def times(path: Path) -> list[Fraction]:
    return [frame.time for frame in decoded(path)]


def grey(frame: Frame) -> int:
    return round(float(frame.bgr().mean()))


class TestAgainstAPlainDecode:
    @pytest.mark.parametrize("name", CLIPS)
    @pytest.mark.parametrize("threads", [0, 1])
    def test_indices_times_and_pictures(self, media_dir: Path, name: str, threads: int) -> None:
        with av.open(str(media_dir / name)) as container:
            stream = container.streams.video[0]
            expected = [
                (frame.pts * stream.time_base, frame.to_ndarray(format="bgr24")[::16, ::16].tobytes())
                for frame in container.decode(stream)
            ]
        with VideoFile.open(media_dir / name, DecodeLimits(threads=threads)) as video:
            found = [(frame.index, frame.time, frame.bgr()[::16, ::16].tobytes()) for frame in video.frames()]
        assert [index for index, *_ in found] == list(range(len(expected)))
        assert [tuple(rest) for _, *rest in found] == expected
        assert all(isinstance(time, Fraction) for _, time, _ in found)

    @pytest.mark.parametrize(
        ("name", "count", "first", "last", "size", "expected_frames", "codec"),
        [
            ("burned-in-time-15fps.mp4", 15, Fraction(0), Fraction(14, 15), (1280, 720), 15, "h264"),
            ("fragmented.mp4", 30, Fraction(1001, 15000), Fraction(31031, 30000), (1080, 720), None, "h264"),
            ("hevc-bframes.mp4", 30, Fraction(0), Fraction(29, 30), (854, 480), 30, "hevc"),
            ("midroll-5s.mp4", 125, Fraction(0), Fraction(124, 25), (640, 360), 125, "h264"),
            ("person-small.mp4", 30, Fraction(0), Fraction(29029, 30000), (1080, 720), 30, "h264"),
        ],
    )
    def test_what_is_known_of_each_clip(
        self,
        media_dir: Path,
        name: str,
        count: int,
        first: Fraction,
        last: Fraction,
        size: tuple[int, int],
        expected_frames: int | None,
        codec: str,
    ) -> None:
        with VideoFile.open(media_dir / name) as video:
            frames = list(video.frames())
            facts = video.facts
        assert len(frames) == count
        assert (frames[0].time, frames[-1].time) == (first, last)
        assert {(frame.width, frame.height) for frame in frames} == {size}
        assert (facts.width, facts.height) == size
        assert facts.expected_frames == expected_frames
        assert facts.codec == codec


class TestTimes:
    def test_b_frames_come_in_presentation_order(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", numbered(20), options={"bf": "3", "b-adapt": "0"})
        with av.open(str(clip)) as container:
            pts = [packet.pts for packet in container.demux(video=0) if packet.size]
        assert pts != sorted(pts)
        frames = decoded(clip)
        assert [frame.time for frame in frames] == [Fraction(n, 25) for n in range(20)]
        greys = [grey(frame) for frame in frames]
        assert greys == sorted(greys)
        assert len(set(greys)) == 20

    @pytest.mark.parametrize("bf", ["0", "3"])
    def test_a_variable_rate(self, tmp_path: Path, bf: str) -> None:
        pts = [0, 1, 7, 8, 100, 101, 350, 351, 352, 1000]
        base = Fraction(1, 1000)
        clip = encode_clip(tmp_path / "x.mp4", numbered(10), pts=pts, time_base=base, options={"bf": bf})
        assert times(clip) == [n * base for n in pts]

    def test_a_rate_that_is_no_whole_number(self, tmp_path: Path) -> None:
        clip = encode_clip(tmp_path / "x.mp4", numbered(10), rate=Fraction(30000, 1001))
        assert times(clip) == [Fraction(1001 * n, 30000) for n in range(10)]

    def test_time_s_is_the_nearest_double(self) -> None:
        assert Frame(0, Fraction(1001, 30000), None).time_s == 1001 / 30000  # type: ignore[arg-type]
        assert repr(Frame.from_bgr(plain(0), 3, Fraction(1, 3))) == "Frame(index=3, time_s=0.333333, 64x48)"


class TestRotation:
    @pytest.mark.parametrize(("degrees", "corner"), [(0, (0, 0)), (90, (0, 1)), (180, (1, 1)), (270, (1, 0))])
    @pytest.mark.parametrize("movflags", ["faststart", "frag_keyframe+empty_moov"])
    def test_the_marked_corner_lands_where_a_player_shows_it(
        self, tmp_path: Path, degrees: int, corner: tuple[int, int], movflags: str
    ) -> None:
        clip = with_rotation(encode_clip(tmp_path / "x.mp4", [marked_corner()] * 3, movflags=movflags), degrees)
        turned = (48, 64) if degrees % 180 else (64, 48)
        for frame in decoded(clip):
            assert (frame.width, frame.height) == turned
            for picture in (frame.bgr()[:, :, 1], frame.luma()):
                assert picture.shape == turned[::-1]
                assert self.bright_quarters(picture) == [corner]

    def bright_quarters(self, picture: np.ndarray) -> list[tuple[int, int]]:
        height, width = picture.shape
        return [
            (row, column)
            for row in (0, 1)
            for column in (0, 1)
            if picture[row * height // 2 + height // 4, column * width // 2 + width // 4] > 128
        ]

    def test_a_turned_picture_can_be_used_like_any_other(self, tmp_path: Path) -> None:
        clip = with_rotation(encode_clip(tmp_path / "x.mp4", [marked_corner()] * 2), 90)
        for frame in decoded(clip):
            for picture in (frame.bgr(), frame.luma()):
                assert picture.flags.c_contiguous
                assert not picture.flags.writeable


class TestSizes:
    @pytest.mark.parametrize(
        ("width", "height", "pixel_format"),
        [(62, 46, "yuv420p"), (63, 47, "yuv444p"), (17, 33, "yuv444p"), (2, 2, "yuv420p"), (634, 350, "yuv420p")],
    )
    def test_one_that_does_not_fill_the_rows_of_the_decoder(
        self, tmp_path: Path, width: int, height: int, pixel_format: str
    ) -> None:
        clip = encode_clip(tmp_path / "x.mp4", [marked_corner(width, height)] * 2, pixel_format=pixel_format)
        for frame in decoded(clip):
            assert (frame.width, frame.height) == (width, height)
            assert frame.bgr().shape == (height, width, 3)
            assert frame.luma().shape == (height, width)
            if width > 16:
                assert frame.luma()[0, 0] > 200 > 60 > frame.luma()[-1, -1]
                assert frame.luma()[0, -1] < 60


class TestPictures:
    @pytest.mark.parametrize("pixel_format", ["gray10le", "gray12le"])
    def test_luma_of_more_bits_keeps_its_range(self, pixel_format: str) -> None:
        bits = int(pixel_format[4:6])
        coded = np.tile(np.linspace(0, 2**bits - 1, 256).astype("<u2"), (16, 1))
        picture = av.VideoFrame(256, 16, pixel_format)
        picture.planes[0].update(coded.tobytes())
        luma = Frame(0, Fraction(0), picture, UPRIGHT).luma()
        assert np.abs(luma - coded / 2 ** (bits - 8)).max() < 2  # swscale dithers

    @pytest.mark.parametrize("name", CLIPS)
    def test_luma_is_the_y_plane_itself(self, media_dir: Path, name: str) -> None:
        with VideoFile.open(media_dir / name) as video:
            frame = next(video.frames())
            luma = frame.luma()
            plane = frame._decoded.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        assert np.array_equal(luma, rows[: frame.height, : frame.width])
        assert np.shares_memory(luma, np.frombuffer(plane, np.uint8))
        assert luma is frame.luma()
        assert not luma.flags.writeable

    def test_luma_outlives_its_frame_and_its_video(self, noisy_clip: Path) -> None:
        expected = [frame.luma().copy() for frame in decoded(noisy_clip)]
        kept = [frame.luma() for frame in decoded(noisy_clip)]
        decoded(noisy_clip)
        assert all(np.array_equal(one, other) for one, other in zip(kept, expected, strict=True))

    def test_bgr_is_made_once_and_cannot_be_changed(self, noisy_clip: Path) -> None:
        frame = decoded(noisy_clip)[0]
        picture = frame.bgr()
        assert picture is frame.bgr()
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            picture[0, 0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            frame.luma()[0, 0] = 1

    def test_channels_are_blue_green_red(self, tmp_path: Path) -> None:
        pictures = [plain(0) for _ in range(3)]
        for channel, picture in enumerate(pictures):
            picture[:, :, channel] = 255
        for channel, frame in enumerate(decoded(encode_clip(tmp_path / "x.mp4", pictures, options={"crf": "1"}))):
            assert int(frame.bgr()[20, 20].argmax()) == channel
            assert frame.bgr()[20, 20, channel] > 200

    @pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv422p10le"])
    def test_luma_is_as_coded_whatever_the_format(self, tmp_path: Path, pixel_format: str) -> None:
        """Black is 16 and white is 235, in eight bits and in ten."""
        clip = encode_clip(tmp_path / "x.mp4", [plain(0), plain(255)], pixel_format=pixel_format, options={"crf": "1"})
        black, white = (frame.luma() for frame in decoded(clip))
        assert abs(int(np.median(black)) - 16) <= 1
        assert abs(int(np.median(white)) - 235) <= 1
        assert black.dtype == np.uint8

    def test_a_frame_made_from_a_picture(self) -> None:
        picture = marked_corner(31, 21)
        frame = Frame.from_bgr(picture, 7, Fraction(2, 3))
        assert (frame.index, frame.time, frame.width, frame.height) == (7, Fraction(2, 3), 31, 21)
        assert np.array_equal(frame.bgr(), picture)
        assert (int(frame.luma()[0, 0]), int(frame.luma()[-1, -1])) == (235, 16)


class TestBreakingOff:
    """A video that does not come to its end is never taken for one that does."""

    def stops(self, path: Path) -> tuple[int, str]:
        frames: list[Frame] = []
        with VideoFile.open(path) as video, pytest.raises(DecodingUnsure):
            list(video.frames())
        with VideoFile.open(path, careful=True) as video, pytest.raises(DecodingStopped) as caught:
            frames.extend(video.frames())
        assert [frame.index for frame in frames] == list(range(len(frames)))
        return len(frames), str(caught.value)

    @pytest.mark.parametrize("keep", [0.2, 0.5, 0.75, 0.9, 0.99])
    def test_truncated_behind_its_index(self, noisy_clip: Path, tmp_path: Path, keep: float) -> None:
        count, said = self.stops(truncated(noisy_clip, tmp_path / "x.mp4", keep))
        assert 0 < count < 40
        assert said.startswith(f"Decoding stopped after frame {count - 1} of 40: the video is damaged or truncated (")

    @pytest.mark.parametrize("keep", [0.2, 0.5, 0.75, 0.95])
    def test_truncated_within_a_fragment(self, fragmented_clip: Path, tmp_path: Path, keep: float) -> None:
        count, said = self.stops(truncated(fragmented_clip, tmp_path / "x.mp4", keep))
        assert 0 < count < 40
        assert said.startswith(f"Decoding stopped after frame {count - 1}: the video is damaged or truncated (")

    @pytest.mark.parametrize("kind", [b"moof", b"mdat"])
    @pytest.mark.parametrize("more", [-9, 1, 8, 100_000])
    def test_a_fragment_whose_size_is_wrong(
        self, fragmented_clip: Path, tmp_path: Path, kind: bytes, more: int
    ) -> None:
        content = bytearray(fragmented_clip.read_bytes())
        begin, end = next((begin - 8, end) for found, begin, end in boxes(content) if found == kind)
        content[begin : begin + 4] = (end - begin + more).to_bytes(4, "big")
        path = tmp_path / "x.mp4"
        path.write_bytes(content)
        assert "break off before the end of the file" in self.stops(path)[1]

    def test_a_fragment_that_is_called_something_else(self, fragmented_clip: Path, tmp_path: Path) -> None:
        path = tmp_path / "x.mp4"
        path.write_bytes(fragmented_clip.read_bytes().replace(b"moof", b"mo/f", 2).replace(b"mo/f", b"moof", 1))
        count, said = self.stops(path)
        assert count < 40
        assert "break off before the end of the file" in said

    @pytest.mark.parametrize("after", [b"\x00\x00\x00\x10free" + bytes(8), b"\x00\x00\x00\x00free" + bytes(9)])
    def test_what_follows_fragments_is_nothing_to_them(
        self, fragmented_clip: Path, tmp_path: Path, after: bytes
    ) -> None:
        path = tmp_path / "x.mp4"
        path.write_bytes(fragmented_clip.read_bytes() + after)
        assert len(decoded(path)) == 40

    def test_truncated_by_one_byte(self, noisy_clip: Path, tmp_path: Path) -> None:
        count, _ = self.stops(truncated(noisy_clip, tmp_path / "x.mp4", noisy_clip.stat().st_size - 1))
        assert count < 40

    def test_truncated_between_two_frames(self, noisy_clip: Path, tmp_path: Path) -> None:
        with av.open(str(noisy_clip)) as container:
            ends = sorted(packet.pos + packet.size for packet in container.demux(video=0) if packet.size)
        count, said = self.stops(truncated(noisy_clip, tmp_path / "x.mp4", ends[19]))
        assert 0 < count <= 20
        assert "the file ends before its last frame" in said

    def test_truncated_before_the_first_frame(self, noisy_clip: Path, tmp_path: Path) -> None:
        with av.open(str(noisy_clip)) as container:
            first = min(packet.pos for packet in container.demux(video=0) if packet.size)
        count, said = self.stops(truncated(noisy_clip, tmp_path / "x.mp4", first))
        assert count == 0
        assert said.startswith("Decoding stopped before the first frame: ")

    @pytest.mark.parametrize("name", ["person-small.mp4", "burned-in-time-15fps.mp4", "fragmented.mp4"])
    def test_truncated_clips_of_real_encoders(self, media_dir: Path, tmp_path: Path, name: str) -> None:
        _, said = self.stops(truncated(media_dir / name, tmp_path / "x.mp4", 0.6))
        assert "damaged or truncated" in said

    @pytest.mark.parametrize("fill", [0x00, 0xFF])
    @pytest.mark.parametrize(("begin", "end"), [(0.3, 0.5), (0.5, 1.0), (0.0, 1.0)])
    def test_damaged(self, noisy_clip: Path, tmp_path: Path, begin: float, end: float, fill: int) -> None:
        clip = truncated(noisy_clip, tmp_path / "x.mp4", 1.0)
        count, said = self.stops(with_damage(clip, begin, end, fill))
        assert count < 40
        assert "damaged or truncated (Invalid data found when processing input)" in said

    def test_a_picture_that_becomes_too_large(self, tmp_path: Path) -> None:
        clip = encode_growing_clip(tmp_path / "x.mp4", numbered(4), numbered(4, 320, 240))
        assert [frame.width for frame in decoded(clip)] == [64] * 4 + [320] * 4
        frames: list[Frame] = []
        limits = DecodeLimits(max_pixels=100 * 100)
        with VideoFile.open(clip, limits, careful=True) as video, pytest.raises(DecodingStopped):
            frames.extend(video.frames())
        assert {frame.width for frame in frames} <= {64}

    def test_what_is_wanted_of_it_may_lie_before(self, noisy_clip: Path, tmp_path: Path) -> None:
        with VideoFile.open(truncated(noisy_clip, tmp_path / "x.mp4", 0.75)) as video:
            frames = video.frames()
            assert [next(frames).index for _ in range(5)] == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("name", ["noisy_clip", "fragmented_clip"])
    def test_whole_ones_do_not(self, request: pytest.FixtureRequest, name: str) -> None:
        assert len(decoded(request.getfixturevalue(name))) == 40

    def test_what_follows_the_video_is_nothing_to_it(self, noisy_clip: Path, tmp_path: Path) -> None:
        path = tmp_path / "x.mp4"
        path.write_bytes(noisy_clip.read_bytes() + b"\x00\x00\x00\x10free" + bytes(8))
        assert len(decoded(path)) == 40
