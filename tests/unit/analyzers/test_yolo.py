"""Telling layouts apart by the shapes that the published models have."""

import numpy as np
import pytest

from reelwork.analyzers.builtin.yolo import Detections, Layout, decode, find_layout, suppress

SQUARE = (640, 640)


@pytest.mark.parametrize(
    ("shape", "size", "classes", "layout"),
    [
        ((1, 84, 8400), SQUARE, 80, Layout.CHANNELS_FIRST),
        ((1, 84, 8400), SQUARE, None, Layout.CHANNELS_FIRST),
        ((1, 5, 8400), SQUARE, 1, Layout.CHANNELS_FIRST),
        ((1, 6, 8400), SQUARE, 2, Layout.CHANNELS_FIRST),
        ((1, 84, 3549), (416, 416), 80, Layout.CHANNELS_FIRST),
        ((1, 84, 5040), (640, 384), 80, Layout.CHANNELS_FIRST),
        ((1, 8400, 84), SQUARE, 80, Layout.CHANNELS_LAST),
        ((1, 8400, 6), SQUARE, 2, Layout.CHANNELS_LAST),
        ((1, 25200, 85), SQUARE, 80, Layout.OBJECTNESS),
        ((1, 25200, 85), SQUARE, None, Layout.OBJECTNESS),
        ((1, 25200, 6), SQUARE, 1, Layout.OBJECTNESS),
        ((1, 25200, 6), SQUARE, None, Layout.OBJECTNESS),
        ((1, 102000, 85), (1280, 1280), None, Layout.OBJECTNESS),
        ((1, 2535, 85), (416, 416), None, Layout.OBJECTNESS),
        ((1, 8400, 85), SQUARE, 80, Layout.OBJECTNESS),
        ((1, 300, 6), SQUARE, 80, Layout.END_TO_END),
        ((1, 300, 6), SQUARE, None, Layout.END_TO_END),
        ((1, 300, 6), SQUARE, 1, Layout.END_TO_END),
        ((1, 300, 6), SQUARE, 2, Layout.END_TO_END),
        ((1, 0, 6), SQUARE, 1, Layout.END_TO_END),
        ((1, 8400, 6), SQUARE, 80, Layout.END_TO_END),
        ((1, 84, 20), (64, 64), 80, Layout.CHANNELS_FIRST),
    ],
)
def test_layouts_of_published_models(
    shape: tuple[int, ...], size: tuple[int, int], classes: int | None, layout: Layout
) -> None:
    assert find_layout(shape, size, classes, end_to_end=False) is layout


def test_a_model_that_says_it_is_end_to_end_is_believed() -> None:
    assert find_layout((1, 25200, 6), SQUARE, 1, end_to_end=True) is Layout.END_TO_END
    with pytest.raises(ValueError, match="supported layouts"):
        find_layout((1, 84, 8400), SQUARE, 80, end_to_end=True)


def test_what_cannot_be_told_apart_asks_for_the_classes() -> None:
    for shape in ((1, 8400, 85), (1, 8400, 6)):
        with pytest.raises(ValueError, match="name the model's classes in the setting 'classes'"):
            find_layout(shape, SQUARE, None, end_to_end=False)


@pytest.mark.parametrize(
    ("shape", "classes"),
    [((1, 116, 8400), 80), ((1, 300, 84), 80), ((1, 300, 38), None), ((1, 8400, 4), None), ((1, 4, 8400), None)],
    ids=["segmentation", "DETR", "end-to-end segmentation", "no classes", "no classes, channels first"],
)
def test_other_outputs_are_refused(shape: tuple[int, ...], classes: int | None) -> None:
    with pytest.raises(ValueError, match="supported layouts"):
        find_layout(shape, SQUARE, classes, end_to_end=False)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", range(6))
def test_candidates_that_are_no_numbers_are_left_out(broken: float, column: int) -> None:
    output = np.tile(np.array([10, 10, 4, 4, 0.9, 0.8], np.float32), (1, 2, 1))
    output[0, 0, column] = broken
    for layout in (Layout.OBJECTNESS, Layout.CHANNELS_LAST, Layout.END_TO_END):
        found = decode(output, layout, 0.0)
        assert len(found.confidences) == 1
        assert np.isfinite(np.column_stack([found.corners, found.confidences])).all()


def test_suppression_tells_classes_apart_where_boxes_leave_the_input() -> None:
    corners = np.array([[80, 80, 100, 100], [-21, -21, -1, -1]], np.float32)
    found = Detections(corners, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.intp))
    assert suppress(found, 0.45).confidences.tolist() == found.confidences.tolist()


def test_suppression_ends_soon_on_a_model_that_fires_everywhere() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 600, (25200, 4)).astype(np.float32)
    corners[:, 2:] = corners[:, :2] + 20
    kept = suppress(Detections(corners, np.full(25200, 0.5, np.float32), np.zeros(25200, np.intp)), 0.45)
    assert 0 < len(kept.confidences) <= 3000
