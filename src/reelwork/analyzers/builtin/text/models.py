"""The PP-OCR models in rapidocr's package, loaded once per process."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

_loading = Lock()
_loaded: "WeakValueDictionary[int, Models]" = WeakValueDictionary()


@dataclass(frozen=True, eq=False)
class Models:
    """What rapidocr runs on one picture, with the sessions of its models.

    Sessions may be run by many threads at once, and so may everything called here: it keeps nothing from call to
    call. The detector itself does (its preparation of the latest picture), so its parts are used one by one.

    Attributes:
        engine: A ``rapidocr.RapidOCR`` whose detector, classifier and recogniser are loaded.
    """

    engine: Any

    @classmethod
    def loaded(cls, threads: int) -> "Models":
        """Return the models, loaded when first asked for; the detector keeps this many threads busy, the others one."""
        with _loading:
            models = _loaded.get(threads)
            if models is None:
                models = _loaded[threads] = cls(_engine(threads))
            return models


def _engine(threads: int) -> Any:
    import cv2
    import numpy as np
    from rapidocr import RapidOCR

    engine = RapidOCR(params=_parameters(threads))
    # The engine opens each model when it first needs it: have it need all of them now. The detector enlarges what it
    # is given until the shorter side has 736 pixels, which of a long word makes the work of a whole frame.
    word = np.full((64, 256, 3), 255, np.uint8)
    cv2.putText(word, "word", (40, 48), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
    engine(word[:, :64], use_det=True, use_cls=False, use_rec=False)
    # One line is too little work for several threads: they gain more by reading a line each.
    engine.cfg.EngineConfig.onnxruntime.intra_op_num_threads = 1
    engine(word, use_det=False, use_cls=True, use_rec=True)
    return engine


def _parameters(threads: int) -> dict[str, Any]:
    models = shipped_models()
    return {
        # It warns of every frame without text.
        "Global.log_level": "critical",
        # Above this the engine shrinks the picture for reading too, and small text in large frames is lost.
        "Global.max_side_len": 1 << 20,
        "Det.model_path": str(models["det"]),
        "Rec.model_path": str(models["rec"]),
        "Cls.model_path": str(models["cls"]),
        # Lines read in one batch change each other's scores.
        "Rec.rec_batch_num": 1,
        "Cls.cls_batch_num": 1,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
    }


def shipped_models() -> dict[str, Path]:
    """Find the models in rapidocr's own wheel, so that others lying beside them change nothing.

    Returns:
        The files of the detector (``det``), the recogniser (``rec``) and the classifier of orientation (``cls``).

    Raises:
        LookupError: rapidocr or one of its models is not installed; the message says so in a sentence.
    """
    try:
        shipped = [entry for entry in files("rapidocr") or () if entry.name.endswith(".onnx")]
    except PackageNotFoundError:
        raise LookupError("The package rapidocr is not installed. Install it to read text.") from None
    models: dict[str, Path] = {}
    for stage in ("det", "rec", "cls"):
        paths = [Path(str(entry.locate())) for entry in shipped if f"_{stage}_" in entry.name]
        if not paths or not paths[0].is_file():
            raise LookupError(f"rapidocr's {stage!r} model is missing from its package. Install rapidocr again.")
        models[stage] = paths[0]
    return models
