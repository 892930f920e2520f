"""The text analyzer on real frames and on written ones."""

import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame
from reelwork.analyzers.builtin.text import Text
from tests.support.pictures import decoded, frames_of, plain, written
from tests.support.slides import slides

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> AnalyzerContext:
    return AnalyzerContext(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def reader(context: AnalyzerContext) -> Analyzer:
    """One loaded analyzer for all tests: what it keeps from frame to frame changes no answer."""
    analyzer = Text(Text.Settings(), context)
    analyzer.load()
    return analyzer


@pytest.fixture(scope="module")
def title_card() -> Frame:
    return decoded("midroll-5s.mp4", stride=60)[1]


@pytest.fixture(scope="module")
def two_words() -> Frame:
    page = plain(640, 360)
    return frames_of([written(written(page, "LEFT", 60, 190), "RIGHT", 400, 190)])[0]


def texts(answer: list[dict[str, Any]]) -> list[str]:
    return [item["text"] for item in answer]


def test_reads_a_title_card_from_top_to_bottom(reader: Analyzer, title_card: Frame) -> None:
    (answer,) = reader.analyze([title_card], {})
    assert texts(answer) == ["ExoPlayer ad test", "Midroll"]
    assert all(item["confidence"] > 0.9 for item in answer)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_boxes_enclose_their_polygons(reader: Analyzer, title_card: Frame) -> None:
    (answer,) = reader.analyze([title_card], {})
    for item in answer:
        box, (xs, ys) = item["box"], zip(*item["polygon"], strict=True)
        assert len(xs) == 4
        assert (box["x"], box["y"]) == (min(xs), min(ys))
        assert (box["x"] + box["w"], box["y"] + box["h"]) == pytest.approx((max(xs), max(ys)), abs=2e-6)
        left_top, right_top, right_bottom, left_bottom = item["polygon"]
        assert max(left_top[0], left_bottom[0]) < min(right_top[0], right_bottom[0])
        assert max(left_top[1], right_top[1]) < min(left_bottom[1], right_bottom[1])


def test_boxes_stand_where_the_word_is_written(reader: Analyzer, two_words: Frame) -> None:
    (answer,) = reader.analyze([two_words], {})
    assert texts(answer) == ["LEFT", "RIGHT"]
    ink = 255 - two_words.bgr()[..., 0]
    for item, half in zip(answer, (slice(0, 320), slice(320, 640)), strict=True):
        rows, columns = (np.flatnonzero(np.max(ink[:, half], axis=axis)) for axis in (1, 0))
        box = item["box"]
        assert box["x"] * 640 == pytest.approx(half.start + columns[0], abs=12)
        assert (box["x"] + box["w"]) * 640 == pytest.approx(half.start + columns[-1], abs=12)
        assert box["y"] * 360 == pytest.approx(rows[0], abs=12)
        assert (box["y"] + box["h"]) * 360 == pytest.approx(rows[-1], abs=12)


def test_reads_every_digit_of_burned_in_times(reader: Analyzer) -> None:
    frames = decoded("burned-in-time-15fps.mp4", stride=2)
    assert len(frames) == 8
    for frame in frames:
        (answer,) = reader.analyze([frame], {})
        assert f"00:00:{frame.time_s:06.3f}" in texts(answer), frame


def test_nothing_written_is_an_empty_list(reader: Analyzer) -> None:
    pictures = [plain(640, 360, (0, 0, 0)), plain(640, 360), plain(16, 16), plain(2, 400), plain(400, 2)]
    assert reader.analyze(frames_of(pictures), {}) == [[]] * len(pictures)


def test_the_answer_does_not_depend_on_batches(reader: Analyzer, title_card: Frame, two_words: Frame) -> None:
    frames = [title_card, two_words, *frames_of([plain(640, 360)])]
    assert reader.analyze(frames, {}) == [answer for frame in frames for answer in reader.analyze([frame], {})]


def test_many_threads_answer_like_one(reader: Analyzer, context: AnalyzerContext, title_card: Frame) -> None:
    assert reader.parallel
    assert reader.by_picture
    one, two, three = (slide.drawn() for slide in slides(3, lines=2))
    frames = [*frames_of([one, two, three, one[:400, :500].copy(), plain(64, 64)]), title_card]
    alone = Text(Text.Settings(reuse="off"), context)
    alone.load()
    expected = [alone.analyze([frame], {}) for frame in frames]
    order = list(range(len(frames))) * 2
    random.Random(1).shuffle(order)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: reader.analyze([frames[number]], {}), order))
    for number, answer in zip(order, answers, strict=True):
        assert answer == expected[number], number


@pytest.mark.parametrize("settings", [{}, {"rotated": True}])
def test_reuse_changes_no_answer(context: AnalyzerContext, settings: dict[str, Any]) -> None:
    slide = slides(1, lines=3)[0]
    frames = frames_of([slide.shown(lines).drawn() for lines in (2, 3, 4)]) + decoded("burned-in-time-15fps.mp4", 14)
    answers = []
    for reuse in ("exact", "off"):
        analyzer = Text(Text.Settings(reuse=reuse, **settings), context)
        analyzer.load()
        answers.append([analyzer.analyze([frame], {}) for frame in frames])
    assert answers[0] == answers[1]
    assert texts(answers[0][2][0]) == [line.text for line in slide.lines[:4]]


def test_reads_inside_given_boxes_only(reader: Analyzer, two_words: Frame) -> None:
    everything = reader.analyze([two_words], {})[0]
    boxes = [
        {"label": "empty", "box": {"x": 0.0, "y": 0.0, "w": 0.3, "h": 0.2}},
        {"label": "sign", "box": {"x": 0.55, "y": 0.3, "w": 0.45, "h": 0.4}},
        {"label": "nothing left of it", "box": {"x": 0.2, "y": 0.5, "w": 0.0, "h": 0.2}},
    ]
    (answer,) = reader.analyze([two_words], {"signs": [boxes]})
    assert texts(answer) == ["RIGHT"]
    assert answer[0]["region"] == 1
    for side in ("x", "y", "w", "h"):
        assert answer[0]["box"][side] == pytest.approx(everything[1]["box"][side], abs=0.03)


def test_text_beside_a_box_is_not_in_it(reader: Analyzer) -> None:
    frame = frames_of([written(plain(1280, 720), "OUTSIDE", 200, 323, scale=0.7)])[0]
    boxes = [{"box": {"x": 0.0, "y": 0.0, "w": 1.0, "h": 300 / 720}}]
    assert reader.analyze([frame], {"signs": [boxes]}) == [[]]


def test_regions_of_several_inputs_count_on(reader: Analyzer, two_words: Frame) -> None:
    left, right = ({"box": {"x": x, "y": 0.0, "w": 0.5, "h": 1.0}} for x in (0.0, 0.5))
    (answer,) = reader.analyze([two_words], {"first": [[left]], "second": [[right]]})
    assert [(item["text"], item["region"]) for item in answer] == [("LEFT", 0), ("RIGHT", 1)]


def test_small_and_cut_off_regions_are_read_or_empty(reader: Analyzer, two_words: Frame) -> None:
    boxes = [{"box": {"x": x, "y": y, "w": 0.01, "h": 0.01}} for x, y in ((0.0, 0.0), (0.99, 0.99), (0.2, 0.5))]
    (answer,) = reader.analyze([two_words], {"signs": [boxes]})
    assert isinstance(answer, list)


def test_regions_belong_to_their_own_frame(reader: Analyzer, two_words: Frame, title_card: Frame) -> None:
    whole = [{"box": {"x": 0.0, "y": 0.0, "w": 1.0, "h": 1.0}}]
    answers = reader.analyze([two_words, title_card, two_words], {"signs": [[], whole, whole]})
    assert [texts(answer) for answer in answers] == [[], ["ExoPlayer ad test", "Midroll"], ["LEFT", "RIGHT"]]


@pytest.mark.parametrize("output", [{"cut": False}, [{"label": "no box"}], None])
def test_an_input_without_boxes_is_refused(reader: Analyzer, two_words: Frame, output: Any) -> None:
    with pytest.raises(ValueError, match="'shots' does not answer lists of items with a 'box'"):
        reader.analyze([two_words], {"shots": [output]})


def test_small_text_in_a_large_frame_is_read(reader: Analyzer) -> None:
    large = plain(2880, 480)
    cv2.putText(large, "Small print 0123456789", (900, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    assert texts(reader.analyze(frames_of([large]), {})[0]) == ["Small print 0123456789"]


def test_a_larger_side_finds_smaller_text(reader: Analyzer, context: AnalyzerContext) -> None:
    frames = decoded("burned-in-time-15fps.mp4")[:1]
    coarse = Text(Text.Settings(max_side=160), context)
    coarse.load()
    assert len(coarse.analyze(frames, {})[0]) < len(reader.analyze(frames, {})[0])


def test_upside_down_text_needs_the_setting(context: AnalyzerContext) -> None:
    upside_down = frames_of([written(plain(640, 200), "UPSIDE DOWN", 120, 120)[::-1, ::-1].copy()])
    analyzer = Text(Text.Settings(rotated=True), context)
    analyzer.load()
    assert texts(analyzer.analyze(upside_down, {})[0]) == ["UPSIDE DOWN"]


def test_less_confident_lines_are_left_out(reader: Analyzer, context: AnalyzerContext, title_card: Frame) -> None:
    confidences = [item["confidence"] for item in reader.analyze([title_card], {})[0]]
    strict = Text(Text.Settings(min_confidence=(min(confidences) + max(confidences)) / 2), context)
    strict.load()
    assert texts(strict.analyze([title_card], {})[0]) == ["Midroll"]


def test_frames_stay_as_they_are(reader: Analyzer, two_words: Frame) -> None:
    before = two_words.bgr().copy()
    reader.analyze([two_words], {})
    assert (two_words.bgr() == before).all()


def test_nothing_is_printed() -> None:
    program = """
from pathlib import Path
from reelwork.analyzers import AnalyzerContext
from reelwork.analyzers.builtin.text import Text
from tests.support.pictures import frames_of, plain
text = Text(Text.Settings(), AnalyzerContext(Path()))
text.load()
assert text.analyze(frames_of([plain(64, 64)]), {}) == [[]]
"""
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (finished.stdout, finished.stderr) == ("", "")


def test_nodes_share_the_models_of_the_process(reader: Analyzer, context: AnalyzerContext) -> None:
    another = Text(Text.Settings(rotated=True), context)
    another.load()
    assert another._reader._models is reader._reader._models


def test_names_the_models_it_uses(context: AnalyzerContext) -> None:
    files = Text(Text.Settings(), context).model_files()
    assert [path.suffix for path in files] == [".onnx", ".onnx"]
    assert len(Text(Text.Settings(rotated=True), context).model_files()) == 3


def test_all_models_come_with_the_package(context: AnalyzerContext) -> None:
    assert Text.unavailable_because(Text.Settings(), context) is None
    assert list(context.models_dir.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"reuse": "always"}, {"max_side": 10}, {"min_confidence": 1.5}, {"language": "en"}])
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Text.Settings(**wrong)
