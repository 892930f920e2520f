"""What the page about one's own model shows is what happens, with a model whose right answer is known."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reelwork.analyzers import AnalyzerContext
from reelwork.analyzers.builtin.objects import Objects
from tests.support.clips import encode_clip
from tests.support.lesson import Lesson
from tests.support.onnx_models import ColourModel, Output, save_without_use
from tests.support.pictures import Picture
from tools.tree import ROOT

PAGE = "docs/how-to/own-yolo-model.md"
NAMES = {"names": "{0: 'car', 1: 'bus', 2: 'truck'}"}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """Somebody with a model and a clip who has followed the page, and whose service still runs."""
    with closing(Lesson(tmp_path_factory.mktemp("own_yolo_model"))) as lesson:
        ColourModel(output=Output.END_TO_END, metadata=NAMES).save(lesson.directory / "best.onnx")
        seen = [square()] * 6 + [square() * 0] * 12 + [square()] * 4
        encode_clip(lesson.directory / "clip.mp4", seen, rate=10, options={"crf": "10"})
        lesson.follow(__file__, PAGE)
        yield lesson


def square() -> Picture:
    """A red cell of the model's grid, at the left: what the model calls a car."""
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[64:96, :32] = (0, 0, 255)
    return picture


def test_the_frame_is_drawn(lesson: Lesson) -> None:
    assert (lesson.directory / "frame.jpg").read_bytes().startswith(b"\xff\xd8")


def told_of(model: Path) -> str:
    """Return what is said of a model that cannot be used."""
    analyzer = Objects(Objects.Settings(model=model.name), AnalyzerContext(model.parent))
    if missing := Objects.unavailable_because(analyzer.settings, analyzer.context):
        return missing
    with pytest.raises(ValueError, match=r"\w") as refusal:
        analyzer.load()
    return str(refusal.value)


def test_what_is_wrong_is_said_as_the_table_says(tmp_path: Path) -> None:
    save_without_use(tmp_path / "four.onnx", [4, 3, 64, 64], [1, 84, 84])
    save_without_use(tmp_path / "flat.onnx", [1, 3, 64, 64], [1, 3])
    save_without_use(tmp_path / "unclear.onnx", [1, 3, 64, 64], [1, 84, 84])  # as many candidates as 4 + classes
    (tmp_path / "none.onnx").write_bytes(b"no model")
    said = {
        "objects.onnx": "Model file objects.onnx was not found",
        "none.onnx": "cannot be loaded as an ONNX model",
        "four.onnx": "the model must take one picture as 1 x 3 x height x width floats",
        "flat.onnx": "has none of the supported layouts",
        "unclear.onnx": "can be read in several ways",
    }
    page = (ROOT / PAGE).read_text()
    for name, words in said.items():
        assert words in told_of(tmp_path / name)
        assert f"`{words}`" in page


def test_a_file_without_names(lesson: Lesson) -> None:
    ColourModel(output=Output.CHANNELS_FIRST).save(lesson.directory / "data" / "models" / "objects.onnx")
    told = lesson.run("reelwork analyze clip.mp4 --pipeline objects --max-frames 1")
    assert '"label":"class_0"' in told
