"""What holds for every built-in analyzer."""

import subprocess
import sys
from importlib import import_module

import pytest

from reelwork.analyzers import Analyzer

BUILTIN = {"codes": "Codes", "objects": "Objects", "quality": "Quality", "scenes": "Scenes", "text": "Text"}
HEAVY = ("av", "tesserocr", "xxhash", "cv2", "numpy", "onnxruntime", "rapidocr", "zxingcpp", "PIL", "shapely")


@pytest.mark.parametrize("module", BUILTIN)
def test_importing_one_loads_no_heavy_library(module: str) -> None:
    program = (
        f"import sys; import reelwork.analyzers.builtin.{module}; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


@pytest.mark.parametrize(("module", "name"), BUILTIN.items())
def test_each_describes_itself_and_its_settings(module: str, name: str) -> None:
    kind = getattr(import_module(f"reelwork.analyzers.builtin.{module}"), name)
    assert issubclass(kind, Analyzer)
    assert kind.__doc__.splitlines()[0].strip().endswith(".")
    for field in kind.Settings.model_fields.values():
        assert field.description
    kind.Settings()
