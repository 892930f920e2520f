"""The scenes analyzer on drawn shots and on real clips."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from reelwork.analyzers import Frame, Json
from reelwork.analyzers.builtin.scenes import Scenes
from tests.support.pictures import Picture, decoded, frames_of, plain, textured
from tests.unit.analyzers.batches import Ready, apart, one_by_one, together


def cuts(answers: list[Json]) -> list[int]:
    return [place for place, answer in enumerate(answers) if answer["cut"]]


def noisy(picture: Picture, seed: int, deviation: float = 12) -> Picture:
    noise = np.random.default_rng(seed).normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def shots(*lengths: int) -> list[Frame]:
    pictures = [textured(320, 180, seed=shot) for shot, length in enumerate(lengths) for _ in range(length)]
    return frames_of([noisy(picture, seed) for seed, picture in enumerate(pictures)])


def test_cuts_are_found_where_they_are(ready: Ready) -> None:
    answers = ready(Scenes).analyze(shots(20, 30, 25), {})
    assert cuts(answers) == [20, 50]
    assert [answer["shot"] for answer in answers] == [0] * 20 + [1] * 30 + [2] * 25
    assert all(0 <= answer["score"] <= 1 for answer in answers)


def test_the_first_frame_is_in_shot_zero_without_a_cut(ready: Ready) -> None:
    assert ready(Scenes).analyze(shots(1), {}) == [{"shot": 0, "cut": False, "score": 0.0}]


def test_a_slow_pan_is_one_shot(ready: Ready) -> None:
    scenery = textured(1600, 360, seed=3)
    pan = [np.ascontiguousarray(scenery[:, left : left + 640]) for left in range(0, 960, 12)]
    assert cuts(ready(Scenes).analyze(frames_of(pan), {})) == []


def test_a_fast_pan_is_one_shot(ready: Ready) -> None:
    scenery = np.asarray(cv2.GaussianBlur(textured(4000, 360, seed=3), (0, 0), 8), np.uint8)
    pan = [np.ascontiguousarray(scenery[:, left : left + 640]) for left in range(0, 3300, 75)]
    answers = ready(Scenes).analyze(frames_of(pan), {})
    assert cuts(answers) == []
    assert max(answer["score"] for answer in answers) < Scenes.Settings().threshold / 3


def test_reds_on_either_side_of_the_hue_circle_are_alike(ready: Ready) -> None:
    pictures = [plain(320, 180, (10, 0, 200))] * 20 + [plain(320, 180, (0, 10, 200))] * 20
    assert cuts(ready(Scenes).analyze(frames_of(pictures), {})) == []


def test_a_slowly_changing_light_is_one_shot(ready: Ready) -> None:
    picture = textured(320, 180)
    answers = ready(Scenes).analyze(frames_of([(picture * (step / 50)).astype(np.uint8) for step in range(50)]), {})
    assert cuts(answers) == []


def test_noise_is_one_shot(ready: Ready) -> None:
    frames = frames_of([noisy(plain(320, 180, (90, 90, 90)), seed, deviation=40) for seed in range(40)])
    assert cuts(ready(Scenes).analyze(frames, {})) == []


def test_a_cut_between_colours_of_one_brightness_is_found(ready: Ready) -> None:
    pictures = [plain(320, 180, (0, 0, 180))] * 20 + [plain(320, 180, (180, 0, 0))] * 20
    assert cuts(ready(Scenes).analyze(frames_of(pictures), {})) == [20]


@pytest.mark.parametrize("stride", [2, 5, 15])
def test_cuts_are_found_in_sampled_frames(ready: Ready, stride: int) -> None:
    answers = ready(Scenes).analyze(shots(45, 60, 45)[::stride], {})
    assert cuts(answers) == [-(-cut // stride) for cut in (45, 105)]


def test_every_slide_of_a_sampled_slide_show_is_a_shot(ready: Ready) -> None:
    slides = [Frame.from_bgr(textured(320, 180, seed), seed, Fraction(seed)) for seed in range(8)]
    assert [answer["shot"] for answer in ready(Scenes).analyze(slides, {})] == list(range(8))


def test_a_shot_is_at_least_as_long_as_set(ready: Ready) -> None:
    frames = shots(20, 5, 30)
    assert cuts(ready(Scenes, min_shot_s=0).analyze(frames, {})) == [20, 25]
    assert cuts(ready(Scenes, min_shot_s=0.2).analyze(frames, {})) == [20, 25]
    assert cuts(ready(Scenes, min_shot_s=0.3).analyze(frames, {})) == [20]
    assert cuts(ready(Scenes, min_shot_s=2).analyze(frames, {})) == []


def test_the_first_shot_is_counted_from_the_first_frame(ready: Ready) -> None:
    late = [Frame.from_bgr(frame.bgr(), frame.index, frame.time + 100) for frame in shots(5, 30)]
    assert cuts(ready(Scenes).analyze(late, {})) == []


def test_the_threshold_decides(ready: Ready) -> None:
    frames = shots(20, 20)
    score = max(answer["score"] for answer in ready(Scenes).analyze(frames, {}))
    assert cuts(ready(Scenes, threshold=score).analyze(frames, {})) == [20]
    assert cuts(ready(Scenes, threshold=score + 0.01).analyze(frames, {})) == []


def test_a_restless_shot_needs_a_greater_difference(ready: Ready) -> None:
    steps = [plain(320, 180, (level, level, level)) for level in (40, 120) * 10]
    frames = frames_of(steps)
    assert cuts(ready(Scenes, min_shot_s=0.1).analyze(frames, {})) == []
    assert len(cuts(ready(Scenes, min_shot_s=0.1, contrast=1).analyze(frames, {}))) > 1


def test_batches_and_earlier_videos_change_nothing(ready: Ready) -> None:
    frames, analyzer = shots(20, 30), ready(Scenes)
    expected = together(analyzer, frames)
    assert one_by_one(analyzer, frames) == expected
    assert apart(analyzer, frames) == expected
    assert together(analyzer, frames) == expected


def test_frame_sizes_may_change(ready: Ready) -> None:
    frames = frames_of([textured(320, 180), textured(640, 360), textured(180, 320), plain(1, 1)])
    assert len(ready(Scenes).analyze(frames, {})) == 4


@pytest.mark.parametrize("clip", ["midroll-5s.mp4", "burned-in-time-15fps.mp4", "person-small.mp4"])
@pytest.mark.parametrize("stride", [1, 5])
def test_a_real_shot_is_one_shot(ready: Ready, clip: str, stride: int) -> None:
    assert cuts(ready(Scenes).analyze(decoded(clip, stride), {})) == []


@pytest.mark.parametrize("stride", [1, 3])
def test_real_clips_one_after_the_other_are_shots(ready: Ready, stride: int) -> None:
    clips = [decoded(clip)[:24] for clip in ("person-small.mp4", "midroll-5s.mp4", "person-small.mp4")]
    joined = [frame for clip in clips for frame in clip]
    frames = [Frame.from_bgr(frame.bgr(), place, Fraction(place, 25)) for place, frame in enumerate(joined)]
    assert cuts(ready(Scenes).analyze(frames[::stride], {})) == [24 // stride, 48 // stride]


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"min_shot_s": -1}, {"min_shot_s": float("inf")}, {"look": 2}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Scenes.Settings(**wrong)
