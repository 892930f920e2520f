"""Objects, by a YOLO-family model that the user supplies as an ONNX file."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json
from reelwork.analyzers.boxes import box_from_corners, clamp
from reelwork.analyzers.builtin import yolo
from reelwork.analyzers.builtin.letterbox import Letterbox
from reelwork.video.frame import Frame

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime
    from numpy.typing import NDArray

_DEFAULT_SIDE = 640
_QUIET = 4


class ObjectsSettings(AnalyzerSettings):
    """Settings of ``objects``."""

    model: str = Field(
        "objects.onnx", min_length=1, description="The ONNX file: a name below the models directory, or a full path."
    )
    classes: list[str] | None = Field(
        None, min_length=1, description="Names of the model's classes, in order, in place of those the file carries."
    )
    min_confidence: float = Field(0.25, ge=0, le=1, description="Objects found with less confidence are left out.")
    max_overlap: float = Field(
        0.45,
        ge=0,
        le=1,
        description="Of two boxes of one class that overlap more (intersection over union), the more confident stays.",
    )
    only: list[str] | None = Field(None, min_length=1, description="Answer objects of these classes only.")
    max_objects: int = Field(300, ge=1, le=3000, description="At most so many objects a frame, the most confident.")

    @field_validator("model")
    @classmethod
    def _inside(cls, model: str) -> str:
        parts = {*PurePosixPath(model).parts, *PureWindowsPath(model).parts}
        if not Path(model).is_absolute() and ".." in parts:
            raise ValueError("a relative path may not leave the models directory ('..')")
        return model


class Objects(Analyzer):
    """Detect objects with your own YOLO-family ONNX model (v5, v7, v8, v11, end-to-end).

    Answers a list of ``{"label", "confidence", "box"}``, the most confident first.
    """

    Settings = ObjectsSettings

    @classmethod
    def unavailable_because(cls, settings: Any, context: AnalyzerContext) -> str | None:
        """Say that the model file is missing and where it belongs."""
        if _path(settings, context).is_file():
            return None
        # API clients read this too, and the directories of this machine are not their business.
        name = Path(settings.model).name
        place = (
            "the place the pipeline names"
            if Path(settings.model).is_absolute()
            else "`models` in the data directory, or in REELWORK_MODELS_DIR"
        )
        return (
            f"Model file {name} was not found. Export a YOLO model to ONNX (v5, v8, v11 or an end-to-end/NMS-free "
            f"export) and put it in {place}."
        )

    def load(self) -> None:
        """Load the model and find out how its output is laid out.

        Raises:
            ValueError: The file is not a model that can be used; the message says why.
        """
        self._session = _session(_path(self.settings, self.context), self.context.threads)
        self._input_name, self._input_type, self._input_size = _input(self._session)
        metadata = self._session.get_modelmeta().custom_metadata_map
        names = _names(self.settings.classes, yolo.class_names(metadata))
        # The shapes a file declares may be left open: what comes out for an empty picture tells.
        shape = self._run(Letterbox.fit(1, 1, *self._input_size).apply(_empty_picture())).shape
        known = None if names is None else len(names)
        self._layout = yolo.find_layout(shape, self._input_size, known, _end_to_end(metadata))
        if names is None and self._layout is not yolo.Layout.END_TO_END:
            names = [yolo.class_name(number) for number in range(self._layout.classes(*shape[1:]))]
        self._names = names or []
        _check_only(self.settings.only, names)

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Look for objects in each frame on its own; see the class for the answer."""
        return [self._analyze(frame) for frame in frames]

    def _analyze(self, frame: Frame) -> list[Json]:
        letterbox = Letterbox.fit(frame.width, frame.height, *self._input_size)
        found = yolo.decode(self._run(letterbox.apply(frame.bgr())), self._layout, self.settings.min_confidence)
        found = self._wanted(found)
        if self._layout is not yolo.Layout.END_TO_END:
            found = yolo.suppress(found, self.settings.max_overlap)
        rows = zip(letterbox.undo(found.corners).tolist(), found.confidences, found.classes, strict=True)
        items = [self._item(corners, confidence, number) for corners, confidence, number in rows]
        inside = [item for item in items if item["box"]["w"] > 0 and item["box"]["h"] > 0]
        return sorted(inside, key=_most_confident_first)[: self.settings.max_objects]

    def _run(self, picture: "NDArray[np.uint8]") -> "NDArray[np.floating]":
        import numpy as np

        blob = np.empty((1, 3, *picture.shape[:2]), self._input_type)
        for channel in range(3):
            # Models take RGB, pictures are BGR.
            np.divide(picture[..., 2 - channel], np.float32(255), out=blob[0, channel], casting="same_kind")
        return np.asarray(self._session.run(None, {self._input_name: blob})[0])

    def _wanted(self, found: yolo.Detections) -> yolo.Detections:
        import numpy as np

        if self.settings.only is None:
            return found
        wanted = [self._name(number) in self.settings.only for number in found.classes]
        return found.pick(np.array(wanted, np.bool_))

    def _name(self, number: int) -> str:
        return self._names[number] if 0 <= number < len(self._names) else yolo.class_name(number)

    def _item(self, corners: list[float], confidence: float, number: int) -> dict[str, Json]:
        left, top, right, bottom = corners
        return {
            "label": self._name(number),
            "confidence": clamp(confidence),
            "box": box_from_corners(left, top, right, bottom, 1, 1),
        }


def _path(settings: ObjectsSettings, context: AnalyzerContext) -> Path:
    return context.models_dir / settings.model


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


def _check_only(only: list[str] | None, names: list[str] | None) -> None:
    unknown = [name for name in only or () if names is not None and name not in names]
    if names is not None and unknown:
        raise ValueError(f"the model has no class {', '.join(unknown)}; its classes are {', '.join(names)}")


def _empty_picture() -> "NDArray[np.uint8]":
    import numpy as np

    return np.zeros((1, 1, 3), np.uint8)


def _most_confident_first(item: dict[str, Json]) -> tuple[Any, ...]:
    return (-item["confidence"], item["label"], *item["box"].values())
