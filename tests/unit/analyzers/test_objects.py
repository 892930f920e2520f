"""The objects analyzer on tiny models that find coloured cells, in every output layout."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from reelwork.analyzers import Analyzer, AnalyzerContext, Frame
from reelwork.analyzers.builtin.objects import Objects
from tests.support.onnx_models import OBJECTNESS, ColourModel, Output, save_without_use
from tests.support.pictures import Picture, frames_of, plain
from tests.unit.analyzers.batches import Ready, at_once, one_by_one, together

Detector = Callable[..., Analyzer]

NAMES = {"names": "{0: 'red', 1: 'green', 2: 'blue'}"}
RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)


def painted(picture: Picture, colour: tuple[int, int, int], left: int, top: int, right: int, bottom: int) -> Picture:
    picture = picture.copy()
    picture[top:bottom, left:right] = colour
    return picture


@pytest.fixture
def wide() -> Frame:
    """640 x 320: in a square input of 8 x 8 cells, a cell is 80 pixels, and two rows of margin are on top."""
    picture = painted(plain(640, 320, (114, 114, 114)), RED, 160, 80, 240, 160)
    return frames_of([painted(picture, BLUE, 480, 240, 560, 320)])[0]


@pytest.fixture
def tall() -> Frame:
    """320 x 640, with two columns of margin at each side."""
    return frames_of([painted(plain(320, 640, (114, 114, 114)), GREEN, 80, 480, 160, 560)])[0]


@pytest.fixture
def detector(ready: Ready, context: AnalyzerContext) -> Detector:
    """Write a model and load the analyzer with it."""

    def make(model: ColourModel, **settings: Any) -> Analyzer:
        model.save(context.models_dir / "objects.onnx")
        return ready(Objects, **settings)

    return make


def candidates(output: Output) -> int:
    """How many empty candidates bring 64 cells to what a real model of 64 x 64 pixels has."""
    return {Output.OBJECTNESS: 3 * 84 - 64}.get(output, 84 - 64)


ALL_OUTPUTS = pytest.mark.parametrize("output", list(Output), ids=lambda output: output.value)


@pytest.mark.parametrize(
    ("output", "metadata"),
    [*((output, NAMES) for output in Output), *((output, {}) for output in Output if output != Output.CHANNELS_LAST)],
    ids=lambda value: value.value if isinstance(value, Output) else "named" if value else "unnamed",
)
def test_objects_are_found_where_they_stand(
    detector: Detector, wide: Frame, tall: Frame, output: Output, metadata: dict[str, str]
) -> None:
    analyzer = detector(ColourModel(output, extra_candidates=candidates(output), metadata=metadata))
    found_wide, found_tall = analyzer.analyze([wide, tall], {})
    certainty = OBJECTNESS if output is Output.OBJECTNESS else 1.0
    red, green, blue = ("red", "green", "blue") if metadata else ("class_0", "class_1", "class_2")
    assert [item["label"] for item in found_wide] == sorted([red, blue])
    boxes = {item["label"]: tuple(item["box"].values()) for item in [*found_wide, *found_tall]}
    assert boxes[red] == pytest.approx((0.25, 0.25, 0.125, 0.25), abs=1e-4)
    assert boxes[blue] == pytest.approx((0.75, 0.75, 0.125, 0.25), abs=1e-4)
    assert boxes[green] == pytest.approx((0.25, 0.75, 0.25, 0.125), abs=1e-4)
    confidences = [item["confidence"] for item in [*found_wide, *found_tall]]
    assert confidences == pytest.approx([certainty] * 3, abs=1e-3)
    assert json.loads(json.dumps([found_wide, found_tall], allow_nan=False)) == [found_wide, found_tall]


@pytest.mark.parametrize(
    "model",
    [
        ColourModel(half=True),
        ColourModel(side=640, open_shapes=True, extra_candidates=8400 - 64),
        ColourModel(Output.END_TO_END, half=True),
        ColourModel(Output.END_TO_END, metadata={"end2end": "True"}),
    ],
    ids=["half", "open shapes", "half end-to-end", "says so itself"],
)
def test_other_inputs_give_the_same_boxes(detector: Detector, wide: Frame, model: ColourModel) -> None:
    model.metadata |= NAMES
    (found,) = detector(model).analyze([wide], {})
    assert [item["label"] for item in found] == ["blue", "red"]
    assert tuple(found[1]["box"].values()) == pytest.approx((0.25, 0.25, 0.125, 0.25), abs=1e-3)


def test_an_input_that_is_not_square_has_its_own_margins(detector: Detector) -> None:
    # 400 x 400 in 128 x 64: the picture is 64 wide, between margins of 32; a cell is 16 x 8, so 100 x 50 pixels.
    frame = frames_of([painted(plain(400, 400, (114, 114, 114)), RED, 100, 50, 200, 100)])[0]
    (found,) = detector(ColourModel(side=128, height=64, metadata=NAMES)).analyze([frame], {})
    assert [tuple(item["box"].values()) for item in found] == [pytest.approx((0.25, 0.125, 0.25, 0.125), abs=1e-4)]


def test_boxes_are_cut_off_at_the_frame(detector: Detector) -> None:
    frame = frames_of([painted(plain(640, 320, (114, 114, 114)), RED, 0, 0, 80, 80)])[0]
    (found,) = detector(ColourModel(box_cells=3, metadata=NAMES)).analyze([frame], {})
    assert [tuple(item["box"].values()) for item in found] == [pytest.approx((0, 0, 0.25, 0.5), abs=1e-4)]


def test_what_is_found_in_the_margins_is_left_out(detector: Detector) -> None:
    # Where nothing scores, this model lists its first cells: those of the margin on top.
    frame = frames_of([plain(640, 320, (114, 114, 114))])[0]
    analyzer = detector(ColourModel(Output.END_TO_END, metadata=NAMES), min_confidence=0)
    assert analyzer.analyze([frame], {}) == [[]]


def test_nothing_found_is_an_empty_list(detector: Detector) -> None:
    frames = frames_of([plain(640, 320), plain(1, 1), plain(3, 500)])
    for output in Output:
        model = ColourModel(output, extra_candidates=candidates(output), metadata=NAMES)
        assert detector(model).analyze(frames, {}) == [[], [], []]


@pytest.fixture
def one_and_a_half() -> Frame:
    """A red cell, and beside it one that is half red and half green."""
    picture = painted(plain(640, 640, (0, 0, 0)), RED, 160, 160, 240, 240)
    picture = painted(picture, RED, 240, 160, 280, 240)
    return frames_of([painted(picture, GREEN, 240, 400, 280, 480)])[0]


@pytest.mark.parametrize("output", [Output.CHANNELS_FIRST, Output.CHANNELS_LAST, Output.OBJECTNESS])
def test_overlapping_boxes_of_one_class_become_one(detector: Detector, one_and_a_half: Frame, output: Output) -> None:
    # Boxes of three cells, one cell apart, share half of what they cover together.
    model = ColourModel(output, box_cells=3, extra_candidates=candidates(output), metadata=NAMES)
    (merged,) = detector(model, only=["red"]).analyze([one_and_a_half], {})
    (apart,) = detector(model, only=["red"], max_overlap=0.55).analyze([one_and_a_half], {})
    certainty = OBJECTNESS if output is Output.OBJECTNESS else 1.0
    assert [item["confidence"] for item in merged] == pytest.approx([certainty])
    assert [item["confidence"] for item in apart] == pytest.approx([certainty, certainty / 2])
    assert merged[0] == apart[0]


def test_overlapping_boxes_of_two_classes_stay(detector: Detector) -> None:
    picture = painted(plain(640, 640, (0, 0, 0)), RED, 160, 160, 240, 240)
    frame = frames_of([painted(picture, GREEN, 240, 160, 320, 240)])[0]
    (found,) = detector(ColourModel(box_cells=3, metadata=NAMES)).analyze([frame], {})
    assert [item["label"] for item in found] == ["green", "red"]


@ALL_OUTPUTS
def test_only_the_wanted_classes_are_answered(detector: Detector, wide: Frame, output: Output) -> None:
    model = ColourModel(output, extra_candidates=candidates(output), metadata=NAMES)
    (found,) = detector(model, only=["blue", "green"]).analyze([wide], {})
    assert [item["label"] for item in found] == ["blue"]


@ALL_OUTPUTS
def test_less_confident_objects_are_left_out(detector: Detector, one_and_a_half: Frame, output: Output) -> None:
    model = ColourModel(output, extra_candidates=candidates(output), metadata=NAMES)
    (all_of_them,) = detector(model, min_confidence=0.3).analyze([one_and_a_half], {})
    (certain,) = detector(model, min_confidence=0.6).analyze([one_and_a_half], {})
    assert [item["label"] for item in all_of_them] == ["red", "green", "red"]
    assert [item["label"] for item in certain] == ["red"]


@ALL_OUTPUTS
def test_a_class_can_have_a_threshold_of_its_own(detector: Detector, one_and_a_half: Frame, output: Output) -> None:
    model = ColourModel(output, extra_candidates=candidates(output), metadata=NAMES)

    def labels(**settings: Any) -> list[str]:
        return [item["label"] for item in detector(model, **settings).analyze([one_and_a_half], {})[0]]

    assert labels(thresholds={"red": 0.6}) == ["red", "green"]
    assert labels(thresholds={"green": 0.6}) == ["red", "red"]
    assert labels(min_confidence=0.6, thresholds={"green": 0.3}) == ["red", "green"]
    assert labels(min_confidence=0.6, thresholds={"green": 0.3}, only=["red"]) == ["red"]


def test_a_threshold_is_met_by_its_own_value(detector: Detector, one_and_a_half: Frame) -> None:
    model = ColourModel(Output.OBJECTNESS, extra_candidates=candidates(Output.OBJECTNESS), metadata=NAMES)
    for settings in ({"thresholds": {"red": OBJECTNESS}}, {"min_confidence": OBJECTNESS}):
        (found,) = detector(model, only=["red"], **settings).analyze([one_and_a_half], {})
        assert [item["label"] for item in found] == ["red"]


def test_a_threshold_for_an_unknown_class_is_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="the model has no class violet; its classes are red, green, blue"):
        detector(ColourModel(metadata=NAMES), thresholds={"violet": 0.5})


def test_the_model_files_are_named(detector: Detector, context: AnalyzerContext) -> None:
    analyzer = detector(ColourModel(metadata=NAMES))
    model, weights = context.models_dir / "objects.onnx", context.models_dir / "objects.onnx.data"
    assert list(analyzer.model_files()) == [model]
    weights.write_bytes(b"weights")
    assert list(analyzer.model_files()) == [model, weights]


@ALL_OUTPUTS
def test_the_most_confident_are_kept(detector: Detector, one_and_a_half: Frame, output: Output) -> None:
    model = ColourModel(output, extra_candidates=candidates(output), metadata=NAMES)
    (most,) = detector(model, max_objects=1).analyze([one_and_a_half], {})
    (more,) = detector(model, max_objects=2).analyze([one_and_a_half], {})
    assert more[:1] == most
    assert len(more) == 2


@pytest.mark.parametrize(
    "names",
    ["{0: 'red', 1: 'green', 2: 'blue'}", '{"0": "red", "1": "green", "2": "blue"}', "['red', 'green', 'blue']"],
)
def test_names_are_read_however_the_exporter_wrote_them(detector: Detector, wide: Frame, names: str) -> None:
    (found,) = detector(ColourModel(metadata={"names": names})).analyze([wide], {})
    assert [item["label"] for item in found] == ["blue", "red"]


@pytest.mark.parametrize("names", ["", "nonsense(", "{}", "3", "{'first': 'red'}"])
def test_names_that_cannot_be_read_are_none(detector: Detector, wide: Frame, names: str) -> None:
    (found,) = detector(ColourModel(metadata={"names": names})).analyze([wide], {})
    assert [item["label"] for item in found] == ["class_0", "class_2"]


def test_the_setting_renames_the_classes(detector: Detector, wide: Frame) -> None:
    (found,) = detector(ColourModel(metadata=NAMES), classes=["rot", "grün", "blau"], only=["rot"]).analyze([wide], {})
    assert [item["label"] for item in found] == ["rot"]


def test_a_wrong_number_of_names_is_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="'classes' names 2 classes, but the model has 3"):
        detector(ColourModel(metadata=NAMES), classes=["one", "two"])
    with pytest.raises(ValueError, match=r"output \(1, 7, 84\), with 2 classes, has none of the supported layouts"):
        detector(ColourModel(), classes=["one", "two"])


def test_names_that_a_model_without_names_cannot_have_are_refused(detector: Detector) -> None:
    model = ColourModel(Output.END_TO_END, metadata={"end2end": "True"})
    with pytest.raises(ValueError, match=r"the model has no class violet; its classes are numbered \(class_0, ...\)"):
        detector(model, only=["violet"])
    assert detector(model, only=["class_1"])


def test_unknown_wanted_classes_are_refused(detector: Detector) -> None:
    with pytest.raises(ValueError, match="the model has no class violet; its classes are red, green, blue"):
        detector(ColourModel(metadata=NAMES), only=["red", "violet"])


def test_a_missing_model_says_what_to_do(context: AnalyzerContext) -> None:
    reason = Objects.unavailable_because(Objects.Settings(), context)
    elsewhere = Objects.unavailable_because(Objects.Settings(model=str(context.models_dir / "other.onnx")), context)

    assert reason == (
        "Model file objects.onnx was not found. Export a YOLO model to ONNX (v5, v8, v11 or an end-to-end/NMS-free "
        "export) and put it in `models` in the data directory, or in REELWORK_MODELS_DIR."
    )
    assert elsewhere is not None
    assert elsewhere.startswith("Model file other.onnx was not found.")
    assert str(context.models_dir) not in reason + elsewhere


def test_a_model_is_found_below_the_models_directory_or_by_its_full_path(
    ready: Ready, context: AnalyzerContext, wide: Frame
) -> None:
    path = context.models_dir / "below" / "colours.onnx"
    path.parent.mkdir()
    ColourModel(metadata=NAMES).save(path)
    for model in ("below/colours.onnx", str(path)):
        assert Objects.unavailable_because(Objects.Settings(model=model), context) is None
        assert len(ready(Objects, model=model).analyze([wide], {})[0]) == 2


@pytest.mark.parametrize("model", ["../objects.onnx", "below/../../objects.onnx", "..\\objects.onnx", ""])
def test_a_relative_path_may_not_leave_the_models_directory(model: str) -> None:
    with pytest.raises(ValidationError):
        Objects.Settings(model=model)


@pytest.mark.parametrize("contents", [b"", b"this is not a model", b"\x08\x08\x12\x00"])
def test_a_damaged_file_is_named_without_its_place(ready: Ready, context: AnalyzerContext, contents: bytes) -> None:
    (context.models_dir / "objects.onnx").write_bytes(contents)
    with pytest.raises(ValueError, match=r"objects\.onnx cannot be loaded as an ONNX model") as refused:
        ready(Objects)
    assert str(context.models_dir) not in str(refused.value)


@pytest.mark.parametrize(
    "shape", [[1, 1000], [1, 4, 84], [1, 84], [1, 3, 85, 8, 8], [2, 7, 84], [1, 300, 7], [1, 300, 84]]
)
def test_outputs_of_other_models_are_refused(ready: Ready, context: AnalyzerContext, shape: list[int]) -> None:
    save_without_use(context.models_dir / "objects.onnx", [1, 3, 64, 64], shape)
    with pytest.raises(ValueError, match="supported layouts"):
        ready(Objects, classes=[str(number) for number in range(80)])


@pytest.mark.parametrize("shape", [[1, 64, 64, 3], [4, 3, 64, 64], [1, 1, 64, 64], [1, 3, 64]])
def test_inputs_of_other_models_are_refused(ready: Ready, context: AnalyzerContext, shape: list[int | str]) -> None:
    save_without_use(context.models_dir / "objects.onnx", shape, [1, 7, 84])
    with pytest.raises(ValueError, match="must take one picture as 1 x 3 x height x width floats, but takes pixels"):
        ready(Objects)


def test_the_answer_does_not_depend_on_batches(detector: Detector, wide: Frame, tall: Frame) -> None:
    analyzer = detector(ColourModel(metadata=NAMES))
    assert one_by_one(analyzer, [wide, tall, wide]) == together(analyzer, [wide, tall, wide])


@pytest.mark.parametrize("half", [False, True], ids=["float", "half"])
def test_threads_share_the_model_without_disturbing_each_other(
    detector: Detector, wide: Frame, tall: Frame, half: bool
) -> None:
    analyzer = detector(ColourModel(side=640, extra_candidates=8400 - 64, half=half, metadata=NAMES))
    expected = one_by_one(analyzer, [wide, tall]) * 12
    assert expected[0] != expected[1]
    assert at_once(analyzer, [wide, tall] * 12) == expected


@pytest.mark.parametrize(
    "wrong",
    [{"min_confidence": -0.1}, {"max_objects": 0}, {"thresholds": {"red": 2}}, {"only": []}, {"device": "cuda"}],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Objects.Settings(**wrong)
