"""What the outputs of YOLO-family models mean.

The layouts are those that the exporters of the families write; their code is not used here.
"""

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

# The strides of the grids that candidates stand on, as found in the published models.
_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
_MOST_END_TO_END = 1000
# Suppression compares all pairs: a model that fires everywhere may not stop the job.
_MOST_CANDIDATES = 3000


class Layout(Enum):
    """How an output of shape (1, rows, columns) lists its candidates."""

    CHANNELS_FIRST = "v8, v11: (1, 4 + classes, candidates)"
    CHANNELS_LAST = "the same transposed: (1, candidates, 4 + classes)"
    OBJECTNESS = "v5, v7: (1, candidates, 5 + classes)"
    END_TO_END = "end-to-end: (1, detections, 6)"

    def classes(self, rows: int, columns: int) -> int:
        """Return how many classes an output of this layout would tell apart; 0 or less if it cannot be one."""
        if self is Layout.END_TO_END:
            return 0
        return rows - 4 if self is Layout.CHANNELS_FIRST else columns - (5 if self is Layout.OBJECTNESS else 4)

    def candidates(self, rows: int, columns: int) -> int:
        """Return how many candidates an output of this layout would list."""
        return columns if self is Layout.CHANNELS_FIRST else rows


# How many candidates stand on a grid cell (v6 lists one, with an objectness that is always 1).
_PER_CELL = {Layout.CHANNELS_FIRST: (1,), Layout.CHANNELS_LAST: (1,), Layout.OBJECTNESS: (3, 1)}


@dataclass(frozen=True)
class Detections:
    """N boxes as N x 4 corners (left, top, right, bottom) in input pixels, with N confidences and class numbers."""

    corners: "Floats"
    confidences: "Floats"
    classes: "NDArray[np.intp]"

    def pick(self, which: "NDArray[np.intp] | NDArray[np.bool_]") -> "Detections":
        """Return those that an index or a mask selects, in its order."""
        return Detections(self.corners[which], self.confidences[which], self.classes[which])


def class_names(metadata: Mapping[str, str]) -> list[str] | None:
    """Read the class names a model carries (a Python or JSON dict or list), or None if there are none."""
    written = metadata.get("names", "")
    for parse in (ast.literal_eval, json.loads):
        try:
            names = parse(written)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        numbered = dict(enumerate(names)) if isinstance(names, (list, tuple)) else names
        if isinstance(numbered, dict) and numbered:
            return _in_order(numbered)
    return None


def class_name(number: int) -> str:
    """Return what a class is called that has no name."""
    return f"class_{number}"


def is_class_name(name: str) -> bool:
    """Tell whether this is what a class without a name is called."""
    return re.fullmatch(r"class_\d+", name) is not None


def find_layout(shape: tuple[int, ...], input_size: tuple[int, int], classes: int | None, end_to_end: bool) -> Layout:
    """Tell from an output's shape how to read it.

    Args:
        shape: Shape of the output for one picture.
        input_size: Width and height of the input.
        classes: Number of classes, if known.
        end_to_end: Whether the model says of itself that it needs no suppression.

    Raises:
        ValueError: No layout fits, or more than one does.
    """
    if len(shape) != 3 or shape[0] != 1:
        raise ValueError(_unsupported(shape, classes))
    _, rows, columns = shape
    grid = _grid_sizes(input_size)
    fitting = [layout for layout in Layout if _fits(layout, rows, columns, classes, grid)]
    if end_to_end:
        fitting = [layout for layout in fitting if layout is Layout.END_TO_END]
    if len(fitting) > 1:
        fitting = _by_candidates(fitting, rows, columns, grid)
    if not fitting:
        raise ValueError(_unsupported(shape, classes))
    if len(fitting) > 1:
        raise ValueError(
            f"the model's output {shape} can be read in several ways; name the model's classes in the setting 'classes'"
        )
    return fitting[0]


def decode(output: "NDArray[np.floating]", layout: Layout, min_confidence: float) -> Detections:
    """Return the candidates in an output that are at least so confident; non-finite ones are left out."""
    import numpy as np

    candidates = np.asarray(output[0], np.float32)
    if layout is Layout.CHANNELS_FIRST:
        candidates = candidates.T
    scores = _scores(candidates, layout)
    confidences = scores.max(axis=1)
    enough = np.flatnonzero(confidences >= min_confidence)
    enough = enough[np.isfinite(candidates[enough]).all(axis=1)]
    boxes = candidates[enough, :4]
    if layout is Layout.END_TO_END:
        return Detections(boxes, confidences[enough], candidates[enough, 5].astype(np.intp))
    return Detections(_corners(boxes), confidences[enough], scores[enough].argmax(axis=1))


def suppress(found: Detections, max_overlap: float) -> Detections:
    """Keep the most confident of boxes of one class that overlap more than so much (intersection over union)."""
    import cv2
    import numpy as np

    found = found.pick(np.argsort(-found.confidences, kind="stable")[:_MOST_CANDIDATES])
    if not len(found.confidences):
        return found
    # OpenCV tells classes apart by moving each to a place of its own, which needs coordinates from 0 up.
    origin = found.corners.min()
    sizes = found.corners[:, 2:] - found.corners[:, :2]
    boxes = np.hstack([found.corners[:, :2] - origin, sizes]).astype(np.float64)
    kept = cv2.dnn.NMSBoxesBatched(
        boxes.tolist(), found.confidences.tolist(), found.classes.tolist(), 0.0, float(max_overlap)
    )
    return found.pick(np.sort(np.asarray(kept, np.intp).ravel()))


def _scores(candidates: "Floats", layout: Layout) -> "Floats":
    """Return candidates x classes; a single column if the classes are numbered elsewhere."""
    import numpy as np

    if layout is Layout.END_TO_END:
        return candidates[:, 4:5]
    if layout is not Layout.OBJECTNESS:
        return candidates[:, 4:]
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(candidates[:, 5:] * candidates[:, 4:5], np.float32)


def _corners(boxes: "Floats") -> "Floats":
    import numpy as np

    centres, halves = boxes[:, :2], boxes[:, 2:] / 2
    return np.hstack([centres - halves, centres + halves])


def _in_order(numbered: Mapping[object, object]) -> list[str] | None:
    try:
        names = {int(str(number)): str(name) for number, name in numbered.items()}
    except ValueError:
        return None
    return [names.get(number, class_name(number)) for number in range(max(names) + 1)]


def _grid_sizes(input_size: tuple[int, int]) -> set[int]:
    """Return how many cells the grids of a model with this input may have together."""
    width, height = input_size
    return {sum((width // stride) * (height // stride) for stride in strides) for strides in _STRIDES}


def _on_grid(layout: Layout, rows: int, columns: int, grid: set[int]) -> bool:
    """Whether the number of candidates is one that models of this layout have."""
    listed = layout.candidates(rows, columns)
    return any(listed == each * cells for each in _PER_CELL.get(layout, ()) for cells in grid)


def _fits(layout: Layout, rows: int, columns: int, classes: int | None, grid: set[int]) -> bool:
    if layout is Layout.END_TO_END:
        return columns == 6
    would_be = layout.classes(rows, columns)
    if would_be < 1 or (classes is not None and would_be != classes):
        return False
    # Other detectors (DETR, segmentation) use these shapes too, with other numbers of candidates.
    certain = classes is not None and layout is not Layout.CHANNELS_LAST
    return certain or _on_grid(layout, rows, columns, grid)


def _by_candidates(fitting: list[Layout], rows: int, columns: int, grid: set[int]) -> list[Layout]:
    on_grid = [layout for layout in fitting if _on_grid(layout, rows, columns, grid)]
    if on_grid:
        return on_grid
    if Layout.END_TO_END in fitting and rows <= _MOST_END_TO_END:
        return [Layout.END_TO_END]
    return fitting


def _unsupported(shape: tuple[int, ...], classes: int | None) -> str:
    known = "; ".join(layout.value for layout in Layout)
    whose = "whose classes are not named" if classes is None else f"with {classes} classes"
    return f"the model's output {shape}, {whose}, has none of the supported layouts ({known})"
