"""The quality analyzer on drawn pictures and on real clips."""

import json
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reelwork.analyzers import Frame
from reelwork.analyzers.builtin import quality
from reelwork.analyzers.builtin.quality import Quality
from tests.support.pictures import Picture, decoded, frames_of, pasted, plain, textured, written
from tests.unit.analyzers.batches import Ready, apart, one_by_one, together


def blurred(picture: Picture, share: float = 0.005) -> Picture:
    """Blur by so much of the longer side."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), share * max(picture.shape)), np.uint8)


def planar(picture: Picture) -> Frame:
    """Make a frame as videos have them: brightness coded from 16 to 235."""
    decoded_like = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
    return Frame(0, Fraction(0), decoded_like)


def test_a_black_frame_is_black_and_nothing_else(ready: Ready) -> None:
    (answer,) = ready(Quality).analyze([planar(plain(640, 360, (0, 0, 0)))], {})
    assert answer == {
        "black": True,
        "frozen": False,
        "blurred": False,
        "brightness": 0.0,
        "sharpness": 0.0,
        "difference": 0.0,
    }


def test_brightness_runs_from_black_to_white(ready: Ready) -> None:
    levels = (0, 64, 128, 192, 255)
    answers = ready(Quality).analyze([planar(plain(64, 36, (level,) * 3)) for level in levels], {})
    assert [answer["brightness"] for answer in answers] == pytest.approx([level / 255 for level in levels], abs=0.01)


def test_black_allows_for_a_small_light(ready: Ready) -> None:
    dark = plain(640, 360, (12, 12, 12))
    small, large = (pasted(dark, plain(side, side), 100, 100) for side in (40, 100))
    answers = ready(Quality).analyze([planar(picture) for picture in (small, large)], {})
    assert [answer["black"] for answer in answers] == [True, False]
    assert ready(Quality, black_share=0.9).analyze([planar(large)], {})[0]["black"]
    assert not ready(Quality, black_level=0.02).analyze([planar(dark)], {})[0]["black"]


def test_a_frame_is_frozen_when_nothing_changed(ready: Ready) -> None:
    still, other = textured(640, 360, 1), textured(640, 360, 2)
    answers = ready(Quality).analyze(frames_of([still, still, other, other, still]), {})
    assert [answer["frozen"] for answer in answers] == [False, True, False, True, False]
    assert [answer["difference"] > 0.1 for answer in answers] == [False, False, True, False, True]


def test_coding_noise_is_frozen_and_a_small_change_is_not(ready: Ready) -> None:
    still = textured(1280, 720)
    flicker = np.random.default_rng(0).integers(0, 2, still.shape, np.uint8)
    noisy = np.clip(still.astype(np.int16) + flicker, 0, 255).astype(np.uint8)
    clock = written(still, ":", 1200, 700, scale=0.8)
    answers = ready(Quality).analyze(frames_of([still, noisy, still, clock]), {})
    assert [answer["frozen"] for answer in answers] == [False, True, True, False]


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (1920, 1080), (720, 1280)])
def test_blur_is_told_at_any_resolution(ready: Ready, size: tuple[int, int]) -> None:
    sharp = textured(*size)
    answers = ready(Quality).analyze(frames_of([sharp, blurred(sharp)]), {})
    assert [answer["blurred"] for answer in answers] == [False, True]


def test_sharpness_is_alike_at_any_resolution(ready: Ready) -> None:
    picture = decoded("person-small.mp4")[0].bgr()
    sizes = [(2160, 1440), (1080, 720), (810, 540)]
    ways = (cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_AREA)
    resized = [
        np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)
        for size, way in zip(sizes, ways, strict=True)
    ]
    sharpness = [answer["sharpness"] for answer in ready(Quality).analyze(frames_of(resized), {})]
    assert sharpness == pytest.approx([sharpness[1]] * 3, rel=0.5)


def test_low_contrast_is_not_blur(ready: Ready) -> None:
    fog = (textured(640, 360) * 0.2 + 150).astype(np.uint8)
    answers = ready(Quality).analyze(frames_of([fog, blurred(fog)]), {})
    assert [answer["blurred"] for answer in answers] == [False, True]


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_flat_frame_is_not_called_blurred(ready: Ready, level: int) -> None:
    (answer,) = ready(Quality).analyze([planar(plain(640, 360, (level,) * 3))], {})
    assert (answer["blurred"], answer["sharpness"]) == (False, 0.0)


@pytest.mark.parametrize("clip", ["person-small.mp4", "burned-in-time-15fps.mp4", "midroll-5s.mp4"])
def test_real_frames_are_sharp_until_blurred(ready: Ready, clip: str) -> None:
    frames = decoded(clip, stride=10)
    for answer in ready(Quality).analyze(frames, {}):
        assert not answer["blurred"]
        assert not answer["black"]
    for answer in ready(Quality).analyze(frames_of([blurred(frame.bgr()) for frame in frames]), {}):
        assert answer["blurred"]


def test_a_real_title_card_is_frozen_and_a_running_clock_is_not(ready: Ready) -> None:
    card = ready(Quality).analyze(decoded("midroll-5s.mp4")[:20], {})
    assert [answer["frozen"] for answer in card] == [False] + [True] * 19
    clock = ready(Quality).analyze(decoded("burned-in-time-15fps.mp4"), {})
    assert not any(answer["frozen"] for answer in clock)


def test_batches_and_earlier_videos_change_nothing(ready: Ready) -> None:
    frames, analyzer = decoded("person-small.mp4")[:6], ready(Quality)
    expected = together(analyzer, frames)
    assert one_by_one(analyzer, frames) == expected
    assert apart(analyzer, frames) == expected
    assert together(analyzer, frames) == expected


def test_sizes_may_change_and_answers_are_plain(ready: Ready) -> None:
    frames = frames_of([textured(320, 180), textured(640, 360), plain(1, 1), plain(5000, 2), plain(2, 5000)])
    answers = ready(Quality).analyze(frames, {})
    assert json.loads(json.dumps(answers, allow_nan=False)) == answers
    assert all(type(answer[key]) is bool for answer in answers for key in ("black", "frozen", "blurred"))


@given(width=st.integers(1, 300), height=st.integers(1, 200), whole=st.booleans(), seed=st.integers(0, 9))
def test_blocks_are_what_area_interpolation_of_floats_gives(width: int, height: int, whole: bool, seed: int) -> None:
    size = (64 * (width // 60 + 1), 36 * (height // 40 + 1)) if whole else (width, height)
    luma = np.random.default_rng(seed).integers(0, 256, (size[1], size[0] + 3), np.uint8)[:, : size[0]]
    expected = cv2.resize(luma.astype(np.float32), (64, 36), interpolation=cv2.INTER_AREA)
    assert quality._blocks(luma).tobytes() == np.asarray(expected).tobytes()


def test_frames_stay_as_they_are(ready: Ready) -> None:
    frame = frames_of([textured(320, 180)])[0]
    before = frame.luma().copy()
    ready(Quality).analyze([frame], {})
    assert (frame.luma() == before).all()


@pytest.mark.parametrize("wrong", [{"black_level": 2}, {"black_share": 0}, {"frozen_difference": -1}, {"noise": 1}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Quality.Settings(**wrong)
