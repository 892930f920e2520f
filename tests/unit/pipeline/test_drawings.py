"""What there is to draw of a frame's answers, whoever's analyzer gave them."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reelwork.pipeline.drawings import shapes
from reelwork.video.pictures import Shape

BOX = {"x": 0.1, "y": 0.2, "w": 0.5, "h": 0.25}
CORNERS = ((0.1, 0.2), (0.6, 0.2), (0.6, 0.45), (0.1, 0.45))


def test_boxes_with_their_labels() -> None:
    result = {"time_s": 0.0, "objects": [{"label": "car", "confidence": 0.874, "box": BOX}, {"box": BOX}]}
    assert shapes(result, ["objects"]) == [Shape(CORNERS, "car 0.87", 0), Shape(CORNERS, "", 0)]


def test_a_polygon_goes_before_its_box() -> None:
    polygon = [[0.1, 0.1], [0.9, 0.2], [0.8, 0.9]]
    result = {"text": [{"text": "Exit", "confidence": 0.5, "box": BOX, "polygon": polygon}]}
    assert shapes(result, ["text"]) == [Shape(((0.1, 0.1), (0.9, 0.2), (0.8, 0.9)), "Exit 0.50", 0)]


def test_nodes_are_told_apart_and_others_left_out() -> None:
    result = {"a": [{"box": BOX}], "b": {"within": {"deep": [{"box": BOX}]}}, "c": [{"box": BOX}]}
    assert [shape.group for shape in shapes(result, ["a", "b"])] == [0, 1]
    assert [shape.group for shape in shapes(result, ["", "b"])] == [1]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["box", "polygon", "x", "y", "w", "h", "text", "confidence"]), inner)
    ),
    max_leaves=20,
)


@given(_json)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_whatever_an_analyzer_answers(answer: Any) -> None:
    for shape in shapes({"node": answer}, ["node"]):
        assert len(shape.corners) >= 3
        assert all(-30 <= value <= 30 for corner in shape.corners for value in corner)
