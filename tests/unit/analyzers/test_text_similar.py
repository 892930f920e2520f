"""Reading only what has changed visibly."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame
from reelwork.analyzers.builtin.text import Text
from reelwork.analyzers.builtin.text import similar as similar_reading
from reelwork.analyzers.builtin.text.windows import Window
from tests.support.pictures import Picture, decoded, frames_of, plain, written
from tests.support.slides import Show, encode, slides

PAGE = plain(640, 360)
TWO_LINES = written(written(PAGE, "FIRST LINE", 40, 80), "SECOND 1111", 40, 200)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Analyzer:
    analyzer = Text(Text.Settings(reuse="similar"), AnalyzerContext(tmp_path_factory.mktemp("models"), cores=2))
    analyzer.load()
    return analyzer


@pytest.fixture
def similar(loaded: Analyzer) -> Analyzer:
    """The analyzer at the start of a video."""
    loaded.begin()
    return loaded


@pytest.fixture
def exact(loaded: Analyzer) -> Analyzer:
    analyzer = Text(Text.Settings(), AnalyzerContext(loaded.context.models_dir, threads=2))
    analyzer.load()
    return analyzer


@pytest.fixture
def looked_at(loaded: Analyzer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pixels the detector was shown, for each look."""
    finder, looks = loaded._reader._reader.finder, []
    heat = finder.heat

    def counting(reduced: Picture) -> Any:
        looks.append(reduced.shape[0] * reduced.shape[1])
        return heat(reduced)

    monkeypatch.setattr(finder, "heat", counting)
    return looks


def every_frame(clip: Path) -> list[Frame]:
    with av.open(str(clip)) as container:
        return [Frame(index, Fraction(index, 30), picture) for index, picture in enumerate(container.decode(video=0))]


def texts(answer: list[dict[str, Any]]) -> list[str]:
    return [item["text"] for item in answer]


def read(analyzer: Analyzer, *pictures: Picture) -> list[list[str]]:
    return [texts(answer) for answer in analyzer.analyze(frames_of(pictures), {})]


def test_it_needs_every_frame_in_order(similar: Analyzer) -> None:
    assert similar.stateful
    assert not similar.parallel
    assert not similar.by_picture


def test_the_first_frame_is_read_as_ever(similar: Analyzer, exact: Analyzer) -> None:
    frames = [*frames_of([slides(1, lines=2)[0].drawn()])]
    assert similar.analyze(frames, {}) == exact.analyze(frames, {})


def test_noise_is_not_read_again(similar: Analyzer, looked_at: list[int]) -> None:
    noise = np.random.default_rng(1).integers(-9, 10, TWO_LINES.shape)
    noisy = np.clip(TWO_LINES.astype(int) + noise, 0, 255).astype(np.uint8)
    first, second, third = similar.analyze(frames_of([TWO_LINES, noisy, TWO_LINES]), {})
    assert first == second == third
    assert texts(first) == ["FIRST LINE", "SECOND 1111"]
    assert len(looked_at) == 1


def test_coding_a_slide_that_stands_still_is_no_change(similar: Analyzer, looked_at: list[int], tmp_path: Path) -> None:
    clip = tmp_path / "slide.mp4"
    encode(clip, slides(1, lines=2), Show(slide_frames=60))
    frames = every_frame(clip)[::6]
    assert any((frames[0].luma() != frame.luma()).any() for frame in frames)
    similar.analyze(frames, {})
    assert len(looked_at) == 1


def test_a_new_line_is_looked_for_where_it_appears(similar: Analyzer, looked_at: list[int]) -> None:
    three = written(TWO_LINES, "THIRD", 40, 320)
    answers = similar.analyze(frames_of([TWO_LINES, three]), {})
    assert texts(answers[1]) == ["FIRST LINE", "SECOND 1111", "THIRD"]
    assert answers[1][:2] == answers[0]
    assert looked_at[1] < looked_at[0] / 2


def test_what_was_read_again_is_not_read_a_third_time(similar: Analyzer, looked_at: list[int]) -> None:
    three = written(TWO_LINES, "THIRD", 40, 320)
    read(similar, TWO_LINES, three, three)
    assert len(looked_at) == 2


@pytest.mark.parametrize(("before", "after"), [("NO 8888888 IS", "NO 8868888 IS"), ("HEAT 31 C", "HEAT 37 C")])
def test_a_character_inside_a_line_is_noticed(similar: Analyzer, before: str, after: str) -> None:
    assert read(similar, written(PAGE, before, 40, 80), written(PAGE, after, 40, 80)) == [[before], [after]]


def test_a_reading_is_given_up_where_something_changed_even_if_its_box_comes_out_the_same() -> None:
    boxes = {top: ((20.0, top), (90.0, top), (90.0, top + 20), (20.0, top + 20)) for top in (10.0, 60.0)}
    readings = {box: (str(top), 1.0) for top, box in boxes.items()}
    kept = similar_reading._untouched(readings, [Window(48, 16, 64, 32)])
    assert kept == {boxes[60.0]: ("60.0", 1.0)}


def test_one_character_is_noticed(similar: Analyzer) -> None:
    changed = written(written(PAGE, "FIRST LINE", 40, 80), "SECOND 1117", 40, 200)
    assert read(similar, TWO_LINES, changed)[1] == ["FIRST LINE", "SECOND 1117"]


def test_what_vanishes_is_dropped(similar: Analyzer) -> None:
    assert read(similar, TWO_LINES, written(PAGE, "FIRST LINE", 40, 80), PAGE) == [
        ["FIRST LINE", "SECOND 1111"],
        ["FIRST LINE"],
        [],
    ]


def test_a_word_that_lengthens_a_line_is_read_with_it(similar: Analyzer) -> None:
    longer = written(TWO_LINES, "NOW", 340, 80)
    assert read(similar, TWO_LINES, longer)[1] == read(similar, longer)[0]


def test_slow_changes_add_up(similar: Analyzer) -> None:
    other = written(PAGE, "SOMETHING ELSE", 40, 80)
    shares = np.linspace(0, 1, 26)  # steps of 10 in brightness: none is visible by itself
    fade = [cv2.addWeighted(TWO_LINES, 1 - share, other, share, 0).astype(np.uint8) for share in shares]
    assert max(int(cv2.absdiff(*pair).max()) for pair in pairwise(fade)) < 20
    assert read(similar, *fade)[-1] == ["SOMETHING ELSE"]


def test_text_that_fades_out_is_gone_in_the_end(similar: Analyzer) -> None:
    fade = [cv2.addWeighted(TWO_LINES, 1 - share, PAGE, share, 0) for share in np.linspace(0, 1, 26)]
    assert read(similar, *fade)[-1] == []


def test_a_new_scene_is_read_as_a_whole(similar: Analyzer, exact: Analyzer) -> None:
    frames = frames_of([TWO_LINES, 255 - written(PAGE, "NIGHT", 200, 100)])
    assert similar.analyze(frames, {})[1] == exact.analyze(frames[1:], {})[0]


def test_the_next_video_starts_afresh(similar: Analyzer, looked_at: list[int]) -> None:
    first = read(similar, TWO_LINES)
    similar.begin()
    assert read(similar, TWO_LINES) == first
    assert len(looked_at) == 2


def test_a_title_card_is_read_once(similar: Analyzer, exact: Analyzer, looked_at: list[int]) -> None:
    frames: list[Frame] = decoded("midroll-5s.mp4", stride=20)
    answers = similar.analyze(frames, {})
    assert len(looked_at) == 1
    assert answers == similar.analyze(frames, {})
    assert texts(answers[-1]) == texts(exact.analyze(frames[-1:], {})[0])


def test_inside_boxes_each_box_keeps_its_own(similar: Analyzer, looked_at: list[int]) -> None:
    boxes = [{"box": {"x": 0.0, "y": y, "w": 1.0, "h": 0.4}} for y in (0.0, 0.4)]
    changed = written(written(PAGE, "FIRST LINE", 40, 80), "SECOND 2222", 40, 200)
    answers = similar.analyze(frames_of([TWO_LINES, changed]), {"boxes": [boxes, boxes]})
    assert [(item["text"], item["region"]) for item in answers[1]] == [("FIRST LINE", 0), ("SECOND 2222", 1)]
    assert len(looked_at) == 3


def test_small_and_flat_windows_are_read_too(similar: Analyzer) -> None:
    flat = written(plain(800, 60), "FLAT 1", 40, 45)
    assert read(similar, flat, written(plain(800, 60), "FLAT 2", 40, 45)) == [["FLAT 1"], ["FLAT 2"]]
    assert read(similar, plain(2, 400), plain(2, 400, (0, 0, 0))) == [[], []]


def test_no_more_windows_are_kept_than_fit(similar: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar_reading, "KEPT_WINDOWS", 2)
    boxes = [{"box": {"x": 0.0, "y": y, "w": 0.2, "h": 0.2}} for y in (0.0, 0.2, 0.4, 0.6)]
    similar.analyze(frames_of([TWO_LINES]), {"boxes": [boxes]})
    assert len(similar._reader._memories) == 2
