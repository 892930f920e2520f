"""One frame as a picture: the right one, upright, drawn on, from a child process with limits."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from reelwork.errors import FrameNotFound, VideoUnreadable
from reelwork.video.pictures import PictureMaker, PictureRequest, Shape, draw
from reelwork.video.source import DecodeLimits
from tests.support.clips import encode_clip, numbered, plain, truncated

LIMITS = DecodeLimits()


def shown(content: bytes | None) -> np.ndarray:
    assert content is not None
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture
def maker() -> Iterator[PictureMaker]:
    maker = PictureMaker(LIMITS, processes=1, timeout_s=20.0, memory_mb=1024)
    yield maker
    maker.stop()


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_each_frame_is_the_one_of_its_number(tmp_path: Path, codec: str, careful: bool) -> None:
    pictures = numbered(12)
    clip = encode_clip(tmp_path / "clip.mp4", pictures, codec=codec)
    for number, picture in enumerate(pictures):
        found = shown(draw(PictureRequest(clip, number, careful=careful), LIMITS))
        assert abs(found.mean() - picture.mean()) < 6
    assert draw(PictureRequest(clip, 12, careful=careful), LIMITS) is None


def test_a_video_that_breaks_off_shows_what_it_has(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (40, 96, 128, 3), np.uint8)
    whole = encode_clip(tmp_path / "whole.mp4", noise, options={"g": "10", "bf": "0"})
    part = truncated(whole, tmp_path / "part.mp4", 0.7)
    first = [shown(draw(PictureRequest(path, 3), LIMITS)) for path in (whole, part)]
    assert np.array_equal(*first)
    with pytest.raises(Exception, match="damaged or truncated"):
        draw(PictureRequest(part, 39), LIMITS)


def test_shapes_are_drawn_where_they_are(tmp_path: Path) -> None:
    clip = encode_clip(tmp_path / "clip.mp4", [plain(0, 320, 240)] * 2)
    box = Shape(((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)), "", 0)
    found = shown(draw(PictureRequest(clip, 1, shapes=(box,), quality=100), LIMITS)).max(axis=2) > 80
    rows, columns = np.nonzero(found)
    assert (rows.min(), rows.max()) == pytest.approx((60, 179), abs=2)
    assert (columns.min(), columns.max()) == pytest.approx((80, 239), abs=2)
    assert not found[70:170, 90:230].any()


@pytest.mark.parametrize("caption", ["plate 0.93", "Grüße, Привет", "\0\n\t", "x" * 500, "漢字"])
@pytest.mark.parametrize("corner", [(-3.0, -3.0), (0.0, 0.0), (0.99, 0.99), (9.0, 9.0)])
def test_whatever_stands_wherever(tmp_path: Path, caption: str, corner: tuple[float, float]) -> None:
    clip = encode_clip(tmp_path / "clip.mp4", [plain(0)] * 2)
    x, y = corner
    shape = Shape(((x, y), (x + 0.1, y), (x + 0.1, y + 0.1)), caption, 99)
    assert shown(draw(PictureRequest(clip, 0, width=16, shapes=(shape,)), LIMITS)).shape == (12, 16, 3)


def test_a_child_makes_them(maker: PictureMaker, media_dir: Path, tmp_path: Path) -> None:
    clip = media_dir / "midroll-5s.mp4"
    assert shown(maker(PictureRequest(clip, 124, width=100))).shape == (56, 100, 3)
    with pytest.raises(FrameNotFound, match="no frame 125"):
        maker(PictureRequest(clip, 125))
    (tmp_path / "note.mp4").write_text("not a video")
    with pytest.raises(VideoUnreadable, match="not an MP4"):
        maker(PictureRequest(tmp_path / "note.mp4", 0))


def test_limits_end_it_and_the_next_is_made(media_dir: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.mp4")
    maker = PictureMaker(LIMITS, processes=1, timeout_s=3.0, memory_mb=1024)
    try:
        with pytest.raises(VideoUnreadable, match="frame 7 took longer than 3 s"):
            maker(PictureRequest(tmp_path / "endless.mp4", 7))
    finally:
        maker.stop()
    small = PictureMaker(LIMITS, processes=1, timeout_s=20.0, memory_mb=1)
    try:
        with pytest.raises(VideoUnreadable, match="more than 1 MB of memory"):
            small(PictureRequest(tmp_path / "endless.mp4", 7))
    finally:
        small.stop()
