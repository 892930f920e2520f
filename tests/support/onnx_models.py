"""Tiny detection models whose right answer is known: they find red, green and blue cells of an 8 x 8 grid.

The score of a cell for a colour is how much of it has that colour. Around each cell stands one box, ``box_cells``
cells wide and high. The outputs come in each layout of the YOLO families.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

GRID = 8
COLOURS = 3
OBJECTNESS = 0.8
END_TO_END_DETECTIONS = 10


class Output(Enum):
    """How the model lists what it found."""

    CHANNELS_FIRST = "v8"
    CHANNELS_LAST = "v8 transposed"
    OBJECTNESS = "v5"
    END_TO_END = "end-to-end"


@dataclass
class ColourModel:
    """A description of the model to write.

    Attributes:
        box_cells: Width and height of each box, in cells.
        extra_candidates: Candidates without any score, to come to the number that real models have.
        open_shapes: Leave the batch, height and width of the input open.
    """

    output: Output = Output.CHANNELS_FIRST
    side: int = 64
    height: int = 0
    box_cells: float = 1.0
    extra_candidates: int = 20
    half: bool = False
    open_shapes: bool = False
    metadata: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the model as an ONNX file."""
        kind = TensorProto.FLOAT16 if self.half else TensorProto.FLOAT
        height = self.height or self.side
        shape: list[str | int] = ["batch", 3, "height", "width"] if self.open_shapes else [1, 3, height, self.side]
        nodes = [*self._scores(height), *self._listed(), helper.make_node("Cast", ["listed"], ["found"], to=kind)]
        graph = helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("pixels", kind, shape)],
            [helper.make_tensor_value_info("found", kind, None)],
            [numpy_helper.from_array(values, name) for name, values in self._constants(height).items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(model, self.metadata)
        onnx.save(model, str(path))

    def _scores(self, height: int) -> list[onnx.NodeProto]:
        cell = [height // GRID, self.side // GRID]
        return [
            helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
            helper.make_node("AveragePool", ["values"], ["cells"], kernel_shape=cell, strides=cell),
            helper.make_node("Conv", ["cells", "colours"], ["mixed"]),
            helper.make_node("Relu", ["mixed"], ["cleared"]),
            helper.make_node("Reshape", ["cleared", "flat"], ["of_cells"]),
            helper.make_node("Concat", ["of_cells", "no_scores"], ["scores"], axis=2),
        ]

    def _listed(self) -> list[onnx.NodeProto]:
        if self.output is Output.END_TO_END:
            return _end_to_end_nodes()
        parts = ["boxes", "objectness", "scores"] if self.output is Output.OBJECTNESS else ["boxes", "scores"]
        if self.output is Output.CHANNELS_FIRST:
            return [helper.make_node("Concat", parts, ["listed"], axis=1)]
        return [
            helper.make_node("Concat", parts, ["joined"], axis=1),
            helper.make_node("Transpose", ["joined"], ["listed"], perm=[0, 2, 1]),
        ]

    def _constants(self, height: int) -> dict[str, NDArray[np.generic]]:
        boxes = self._boxes(height)
        centres, halves = boxes[:2], boxes[2:] / 2
        # Grey, the colour of the margins, scores nothing: one channel less the two others.
        colours = 2 * np.eye(COLOURS, dtype=np.float32) - 1
        return {
            "colours": colours.reshape(COLOURS, COLOURS, 1, 1),
            "flat": np.array([1, COLOURS, GRID * GRID], np.int64),
            "no_scores": np.zeros((1, COLOURS, self.extra_candidates), np.float32),
            "boxes": boxes[None],
            "corners": np.concatenate([centres - halves, centres + halves]).T,
            "objectness": np.full((1, 1, boxes.shape[1]), OBJECTNESS, np.float32),
            "most": np.array([END_TO_END_DETECTIONS], np.int64),
            "list": np.array([-1], np.int64),
            "column": np.array([-1, 1], np.int64),
            "first": np.array([0], np.int64),
        }

    def _boxes(self, height: int) -> NDArray[np.float32]:
        """Return centre, width and height of each candidate's box: 4 x candidates."""
        rows, columns = np.mgrid[:GRID, :GRID].reshape(2, -1)
        cell_width, cell_height = self.side // GRID, height // GRID
        sizes = np.full((2, GRID * GRID), self.box_cells) * [[cell_width], [cell_height]]
        centres = np.stack([(columns + 0.5) * cell_width, (rows + 0.5) * cell_height])
        extra = np.ones((4, self.extra_candidates))
        return np.concatenate([np.concatenate([centres, sizes]), extra], axis=1).astype(np.float32)


def _end_to_end_nodes() -> list[onnx.NodeProto]:
    """List the best cells as left, top, right, bottom, score, class."""
    return [
        helper.make_node("ReduceMax", ["scores"], ["best"], axes=[0, 1], keepdims=0),
        helper.make_node("ArgMax", ["scores"], ["numbers"], axis=1, keepdims=0),
        helper.make_node("Reshape", ["numbers", "list"], ["number_list"]),
        helper.make_node("TopK", ["best", "most"], ["top", "which"]),
        helper.make_node("Gather", ["corners", "which"], ["top_corners"], axis=0),
        helper.make_node("Gather", ["number_list", "which"], ["top_numbers"], axis=0),
        helper.make_node("Cast", ["top_numbers"], ["top_classes"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["top", "column"], ["score_column"]),
        helper.make_node("Reshape", ["top_classes", "column"], ["class_column"]),
        helper.make_node("Concat", ["top_corners", "score_column", "class_column"], ["joined"], axis=1),
        helper.make_node("Unsqueeze", ["joined", "first"], ["listed"]),
    ]


def save_without_use(path: Path, input_shape: list[int | str], output_shape: list[int]) -> None:
    """Write a model that looks at nothing and answers zeros of the given shape."""
    zeros = numpy_helper.from_array(np.zeros(output_shape, np.float32), "zeros")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["zeros"], ["found"])],
        "zeros",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("found", TensorProto.FLOAT, output_shape)],
        [zeros],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


# What the smallest published models cost: some 9 thousand million operations for a picture of 640 x 640.
_YOLO_SIDE = 640
_YOLO_CLASSES = 80
_YOLO_STAGES = ((16, 0), (32, 4), (64, 4), (128, 4), (256, 4))
"""Channels, and convolutions besides the one that halves the picture, from the input on."""
_YOLO_HEADS = (64, 128, 256)
"""The stages, by their channels, of which every cell is a candidate."""
_SELDOM = -4.6
"""The bias of the scores: a candidate in a hundred would be an object, were there anything to be found."""


def save_yolo_size(path: Path) -> None:
    """Write a model of the size and cost of the smallest YOLO models, with weights drawn by lot.

    Its input is 1 x 3 x 640 x 640; its output, laid out as v8's, 1 x 84 x 8400. What it finds means nothing.
    """
    graph = _Layers(np.random.default_rng(0))
    last, channels = "pixels", 3
    heads = []
    for wider, more in _YOLO_STAGES:
        last = graph.convolution(last, channels, wider, stride=2)
        for _ in range(more):
            last = graph.convolution(last, wider, wider)
        channels = wider
        if channels in _YOLO_HEADS:
            heads.append(graph.head(last, channels))
    graph.add("Concat", heads, "found", axis=2)
    graph.save(path)


class _Layers:
    """A graph in the making."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[TensorProto] = []

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        output = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(self, inputs: str, channels: int, wider: int, stride: int = 1) -> str:
        """Convolve 3 x 3, then SiLU."""
        convolved = self._convolved(inputs, (wider, channels, 3, 3), strides=[stride, stride], pads=[1, 1, 1, 1])
        return self.add("Mul", [convolved, self.add("Sigmoid", [convolved])])

    def head(self, inputs: str, channels: int) -> str:
        """List a box and the scores of every cell."""
        boxes = self._convolved(inputs, (4, channels, 1, 1))
        scores = self.add("Sigmoid", [self._convolved(inputs, (_YOLO_CLASSES, channels, 1, 1), bias=_SELDOM)])
        shape = self._constant(np.array([1, 4 + _YOLO_CLASSES, -1], np.int64))
        return self.add("Reshape", [self.add("Concat", [boxes, scores], axis=1), shape])

    def _convolved(self, inputs: str, shape: tuple[int, ...], bias: float = 0.0, **attributes: Any) -> str:
        spread = np.sqrt(2 / np.prod(shape[1:]))
        weights = self._constant(self._random.normal(0, spread, shape).astype(np.float32))
        return self.add("Conv", [inputs, weights, self._constant(np.full(shape[0], bias, np.float32))], **attributes)

    def _constant(self, values: NDArray[np.generic]) -> str:
        name = f"constant_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values, name))
        return name

    def save(self, path: Path) -> None:
        """Write the graph as an ONNX file."""
        kind, side = TensorProto.FLOAT, _YOLO_SIDE
        inputs = [helper.make_tensor_value_info("pixels", kind, [1, 3, side, side])]
        outputs = [helper.make_tensor_value_info("found", kind, [1, 4 + _YOLO_CLASSES, 8400])]
        graph = helper.make_graph(self._nodes, "yolo_size", inputs, outputs, self._weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
