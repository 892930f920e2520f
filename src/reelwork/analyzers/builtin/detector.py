"""Run a YOLO-family ONNX model over pictures."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork.analyzers.builtin import yolo
from reelwork.analyzers.builtin.letterbox import Letterbox

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

    from reelwork.video.frame import Image

_DEFAULT_SIDE = 640
_QUIET = 4


class Detector:
    """A loaded model and what its output means. Several threads may call ``find`` at once.

    Attributes:
        names: The names of its classes, in order, or None if they are not to be known.
    """

    def __init__(self, path: Path, threads: int, classes: list[str] | None) -> None:
        """Load the model and find out how its output is laid out.

        Args:
            path: The ONNX file.
            threads: How many threads one call may keep busy.
            classes: Names of the classes in place of those the file carries.

        Raises:
            ValueError: The file is not a model that can be used; the message says why.
        """
        self._session = _session(path, threads)
        self._input_name, self._input_type, self._input_size = _input(self._session)
        self._of_thread = threading.local()
        metadata = self._session.get_modelmeta().custom_metadata_map
        names = _names(classes, yolo.class_names(metadata))
        # The shapes a file declares may be left open: what comes out for an empty picture tells. It also warms up.
        shape = self._run(Letterbox.fit(1, 1, *self._input_size), _empty_picture()).shape
        known = None if names is None else len(names)
        self._layout = yolo.find_layout(shape, self._input_size, known, _end_to_end(metadata))
        if names is None and self._layout is not yolo.Layout.END_TO_END:
            names = [yolo.class_name(number) for number in range(self._layout.classes(*shape[1:]))]
        self.names = names

    def name(self, number: int) -> str:
        """Return what a class is called."""
        return self.names[number] if self.names and 0 <= number < len(self.names) else yolo.class_name(number)

    def find(
        self, picture: "Image", least: float, least_of: Callable[[str], float], max_overlap: float
    ) -> yolo.Detections:
        """Look for objects.

        Args:
            picture: Height x width x 3, BGR.
            least: The least that ``least_of`` answers.
            least_of: The confidence below which objects of a class, given by name, are left out.
            max_overlap: Of two boxes of one class that overlap more, the more confident stays.

        Returns:
            The objects, with corners in fractions of the picture, which they may exceed.
        """
        letterbox = Letterbox.fit(picture.shape[1], picture.shape[0], *self._input_size)
        found = yolo.decode(self._run(letterbox, picture), self._layout, least)
        found = found.pick(self.confident(found, least_of))
        if self._layout is not yolo.Layout.END_TO_END:
            found = yolo.suppress(found, max_overlap)
        return yolo.Detections(letterbox.undo(found.corners), found.confidences, found.classes)

    def confident(self, found: yolo.Detections, least_of: Callable[[str], float]) -> "NDArray[np.bool_]":
        """Return which of the objects are as confident as is asked of their class, by its name."""
        import numpy as np

        of_class = {number: least_of(self.name(number)) for number in set(found.classes.tolist())}
        least = np.array([of_class[number] for number in found.classes.tolist()], np.float32)
        return np.asarray(found.confidences >= least)

    def _run(self, letterbox: Letterbox, picture: "Image") -> "NDArray[np.floating]":
        buffers = self._buffers()
        letterbox.apply(picture, buffers.canvas)
        buffers.fill_blob()
        return self._session.run(None, {self._input_name: buffers.blob})[0]  # type: ignore[no-any-return]

    def _buffers(self) -> "_Buffers":
        if not hasattr(self._of_thread, "buffers"):
            self._of_thread.buffers = _Buffers(self._input_size, self._input_type)
        return self._of_thread.buffers  # type: ignore[no-any-return]


class _Buffers:
    """What one thread writes each picture into: fresh memory for every frame would cost as much as the work itself."""

    def __init__(self, size: tuple[int, int], kind: "type[np.floating]") -> None:
        import numpy as np

        width, height = size
        self.canvas = np.empty((height, width, 3), np.uint8)
        self.blob = np.empty((1, 3, height, width), kind)
        self._channel = np.empty((height, width), np.uint8)

    def fill_blob(self) -> None:
        """Turn the canvas, BGR of 0..255, into the blob, which is RGB of 0..1."""
        import cv2
        import numpy as np

        for channel in range(3):
            values = cv2.extractChannel(self.canvas, 2 - channel, dst=self._channel)
            np.divide(values, np.float32(255), out=self.blob[0, channel], casting="same_kind")


def _session(path: Path, threads: int) -> "onnxruntime.InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class of its own for each of its status codes
        reason = str(error).replace(str(path), path.name)
        raise ValueError(f"{path.name} cannot be loaded as an ONNX model; export it again ({reason})") from error


def _input(session: "onnxruntime.InferenceSession") -> "tuple[str, type[np.floating], tuple[int, int]]":
    """Return the name, the type and the width and height of the model's input."""
    import numpy as np

    types: dict[str, type[np.floating]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    inputs = session.get_inputs()
    described = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
    if len(inputs) != 1 or inputs[0].type not in types or not _takes_one_picture(inputs[0].shape):
        raise ValueError(f"the model must take one picture as 1 x 3 x height x width floats, but takes {described}")
    height, width = (side if isinstance(side, int) else _DEFAULT_SIDE for side in inputs[0].shape[2:])
    return inputs[0].name, types[inputs[0].type], (width, height)


def _takes_one_picture(shape: list[int | str | None]) -> bool:
    """Whether there are four dimensions, and the first two are 1 and 3 or left open (open ones are no numbers)."""
    fixed = [(given, needed) for given, needed in zip(shape, (1, 3), strict=False) if isinstance(given, int)]
    return len(shape) == 4 and all(given == needed for given, needed in fixed)


def _names(given: list[str] | None, carried: list[str] | None) -> list[str] | None:
    if given is not None and carried is not None and len(given) != len(carried):
        raise ValueError(f"the setting 'classes' names {len(given)} classes, but the model has {len(carried)}")
    return given if given is not None else carried


def _end_to_end(metadata: dict[str, str]) -> bool:
    """Whether the file says that its model is end-to-end; exports with suppression built in do not."""
    return metadata.get("end2end", "").lower() == "true"


def _empty_picture() -> "NDArray[np.uint8]":
    import numpy as np

    return np.zeros((1, 1, 3), np.uint8)
