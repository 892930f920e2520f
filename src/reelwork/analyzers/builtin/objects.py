"""Objects, by a YOLO-family model that the user supplies as an ONNX file."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any

from pydantic import Field, field_validator

from reelwork.analyzers.analyzer import AnalyzerContext, AnalyzerSettings, Inputs, Json, SequenceAnalyzer
from reelwork.analyzers.boxes import box_from_corners, clamp
from reelwork.analyzers.builtin import yolo
from reelwork.analyzers.builtin.tracking import Seen, Tracker
from reelwork.video.frame import Frame, Moment

_NEVER = float("inf")


class ObjectsSettings(AnalyzerSettings):
    """Settings of ``objects``."""

    model: str = Field(
        "objects.onnx", min_length=1, description="The ONNX file: a name below the models directory, or a full path."
    )
    classes: list[str] | None = Field(
        None, min_length=1, description="Names of the model's classes, in order, in place of those the file carries."
    )
    min_confidence: float = Field(0.25, ge=0, le=1, description="Objects found with less confidence are left out.")
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {}, description="For single classes, the confidence that counts in place of `min_confidence`."
    )
    max_overlap: float = Field(
        0.45,
        ge=0,
        le=1,
        description="Of two boxes of one class that overlap more (intersection over union), the more confident stays.",
    )
    only: list[str] | None = Field(None, min_length=1, description="Answer objects of these classes only.")
    max_objects: int = Field(300, ge=1, le=3000, description="At most so many objects a frame, the most confident.")
    track: bool = Field(
        False, description="Follow objects from frame to frame: the same object has the same `track_id` all along."
    )
    max_gap_s: float = Field(
        1.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="For how many seconds of video a followed object may be unseen and still keep its `track_id`.",
    )
    keep_confidence: float = Field(
        0.1,
        ge=0,
        le=1,
        description="An object that is being followed is kept, even below `min_confidence`, down to this confidence.",
    )

    @field_validator("model")
    @classmethod
    def _inside(cls, model: str) -> str:
        parts = {*PurePosixPath(model).parts, *PureWindowsPath(model).parts}
        if not Path(model).is_absolute() and ".." in parts:
            raise ValueError("a relative path may not leave the models directory ('..')")
        return model


Item = dict[str, Json]


class Objects(SequenceAnalyzer):
    """Detect objects with your own YOLO-family ONNX model (v5, v7, v8, v11, end-to-end).

    Answers a list of ``{"label", "confidence", "box"}``, the most confident first.

    With ``track``, each item also has a ``track_id``: 1, 2, ... in every video, in the order of first appearance.
    Beside what is answered without it, there are then the less confident objects that continue a track.
    """

    Settings = ObjectsSettings
    libraries = ("lap", "numpy", "onnxruntime", "opencv-python-headless")
    parallel = True
    by_picture = True

    def __init__(self, settings: AnalyzerSettings, context: AnalyzerContext) -> None:
        super().__init__(settings, context)
        self.stateful = self.settings.track
        self._least = min([self.settings.min_confidence, *self.settings.thresholds.values()])
        if self.settings.track:
            self._least = min(self._least, self.settings.keep_confidence)

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
        """Load the model, and run it once.

        Raises:
            ValueError: The file is not a model that can be used; the message says why.
        """
        from reelwork.analyzers.builtin.detector import Detector

        path = _path(self.settings, self.context)
        self._detector = Detector(path, self.context.threads, self.settings.classes)
        _check_names([*(self.settings.only or ()), *self.settings.thresholds], self._detector.names)

    def model_files(self) -> Sequence[Path]:
        """Return the ONNX file, and the file of weights that large models keep beside it."""
        path = _path(self.settings, self.context)
        weights = path.with_name(path.name + ".data")
        return (path, weights) if weights.is_file() else (path,)

    def begin(self) -> None:
        """Forget the objects of the video before."""
        # Through its digits, as the sampling does: 0.2 means a fifth, not the double nearest to it.
        self._tracker = Tracker(Fraction(str(self.settings.max_gap_s)))

    def analyze(self, frames: Sequence[Frame], inputs: Inputs) -> list[Json]:
        """Look for objects in each frame; see the class for the answer."""
        if self.settings.track:
            return super().analyze(frames, inputs)
        return [self.observe(frame, {})[0] for frame in frames]

    def observe(self, frame: Frame, inputs: Mapping[str, Json]) -> tuple[list[Item], list[Item]]:
        """Return the objects that are confident enough to answer, and those that are only if they continue a track."""
        find_from = self._keep_from if self.settings.track else self._answer_from
        found = self._detector.find(frame.bgr(), self._least, find_from, self.settings.max_overlap)
        certain = self._detector.confident(found, self._answer_from)
        return self._items(found.pick(certain)), self._items(found.pick(~certain))

    def conclude(self, moment: Moment, observation: tuple[list[Item], list[Item]]) -> list[Item]:
        """Tell which object is which; see the class for the answer."""
        certain, doubtful = observation
        numbers = self._tracker.update(moment.time, _seen(certain), _seen(doubtful))
        items = zip([*certain, *doubtful], numbers, strict=True)
        tracked = [{**item, "track_id": number} for item, number in items if number is not None]
        return sorted(tracked[: self.settings.max_objects], key=_most_confident_first)

    def _answer_from(self, label: str) -> float:
        """Return the confidence from which on objects of a class are answered."""
        if self.settings.only is not None and label not in self.settings.only:
            return _NEVER
        return float(self.settings.thresholds.get(label, self.settings.min_confidence))

    def _keep_from(self, label: str) -> float:
        """Return the confidence from which on objects of a class may continue a track."""
        answer_from = self._answer_from(label)
        return answer_from if answer_from == _NEVER else min(answer_from, self.settings.keep_confidence)

    def _items(self, found: "yolo.Detections") -> list[Item]:
        rows = zip(found.corners.tolist(), found.confidences.tolist(), found.classes.tolist(), strict=True)
        items = [self._item(corners, confidence, number) for corners, confidence, number in rows]
        inside = [item for item in items if item["box"]["w"] > 0 and item["box"]["h"] > 0]
        return sorted(inside, key=_most_confident_first)[: self.settings.max_objects]

    def _item(self, corners: list[float], confidence: float, number: int) -> Item:
        left, top, right, bottom = corners
        return {
            "label": self._detector.name(number),
            "confidence": clamp(confidence),
            "box": box_from_corners(left, top, right, bottom, 1, 1),
        }


def _seen(items: list[Item]) -> list[Seen]:
    return [Seen(item["label"], item["box"]) for item in items]


def _path(settings: ObjectsSettings, context: AnalyzerContext) -> Path:
    return context.models_dir / settings.model


def _check_names(wanted: list[str], names: list[str] | None) -> None:
    # Without names a model may have any number of classes, which have numbers alone.
    unknown = [name for name in wanted if not (yolo.is_class_name(name) if names is None else name in names)]
    if unknown:
        known = "numbered (class_0, ...): name them by `classes`" if names is None else ", ".join(names)
        raise ValueError(f"the model has no class {', '.join(unknown)}; its classes are {known}")


def _most_confident_first(item: dict[str, Json]) -> tuple[Any, ...]:
    return (-item["confidence"], item["label"], *item["box"].values())
