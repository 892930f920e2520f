"""The rules that can be checked before a frame is analysed."""

import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings
from reelwork.testing.breaches import Breach, Rule
from reelwork.testing.subject import described

_HEAVY = (
    "PIL", "av", "cv2", "jax", "keras", "matplotlib", "numpy", "onnxruntime", "openvino", "paddle", "pandas",
    "rapidocr", "scipy", "skimage", "sklearn", "tensorflow", "tesserocr", "torch", "transformers", "zxingcpp",
)  # fmt: skip
_IMPORT = """
import sys
try:
    import {module}
except ModuleNotFoundError as error:
    # Not to be found from outside, as modules of a test suite: then it is not judged.
    sys.exit(0 if error.name and {module!r}.startswith(error.name) else repr(error))
print(*(name for name in {heavy!r} if name in sys.modules))
"""
_UNKNOWN = "no_setting_has_this_name"


def class_breaches(kind: Any) -> Iterator[Breach]:
    """Check what an instance is made from."""
    if not (isinstance(kind, type) and issubclass(kind, Analyzer)):
        yield Breach(Rule.IS_AN_ANALYZER, f"{kind!r} is no subclass of Analyzer")
    elif inspect.isabstract(kind):
        missing = ", ".join(sorted(kind.__abstractmethods__))
        yield Breach(Rule.IS_AN_ANALYZER, f"{kind.__name__} does not define {missing}")


def description_breaches(kind: type[Analyzer]) -> Iterator[Breach]:
    """Check that people are told what it is."""
    if not (vars(kind).get("__doc__") or "").strip():
        yield Breach(Rule.DESCRIBES_ITSELF, f"{kind.__name__} has no docstring of its own")


def settings_breaches(kind: type[Analyzer], given: dict[str, Any]) -> Iterator[Breach]:
    """Check the class of the settings, and those given."""
    declared: Any = kind.Settings
    if not (isinstance(declared, type) and issubclass(declared, AnalyzerSettings)):
        yield Breach(Rule.SETTINGS_ARE_STRICT, f"Settings is {declared!r}, no subclass of AnalyzerSettings")
        return
    try:
        settings = kind.Settings.model_validate(given)
    except ValidationError as error:
        yield Breach(Rule.IS_AVAILABLE, f"the settings given to check_analyzer are refused: {error}")
        return
    if _accepts(kind, {**given, _UNKNOWN: 1}):
        yield Breach(Rule.SETTINGS_ARE_STRICT, "Settings accepts a setting that there is not")
    if not settings.model_config.get("frozen"):
        yield Breach(Rule.SETTINGS_ARE_STRICT, "Settings can be changed after they were validated (frozen is off)")
    yield from _freezing_breaches(kind, settings)


def _freezing_breaches(kind: type[Analyzer], settings: AnalyzerSettings) -> Iterator[Breach]:
    try:
        again = kind.Settings.model_validate_json(settings.model_dump_json())
    except ValueError as error:
        yield Breach(Rule.SETTINGS_ARE_STRICT, f"the settings do not come back from JSON: {error}")
        return
    if again != settings:
        yield Breach(Rule.SETTINGS_ARE_STRICT, f"the settings come back from JSON as others: {again!r}")


def _accepts(kind: type[Analyzer], settings: dict[str, Any]) -> bool:
    try:
        kind.Settings.model_validate(settings)
    except ValidationError:
        return False
    return True


def import_breaches(kind: type[Analyzer]) -> Iterator[Breach]:
    """Import the module in a process of its own and look at what came with it."""
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        return  # no entry point can name it
    if what := _wrong_with_import(kind.__module__):
        yield Breach(Rule.IMPORT_IS_CHEAP, what)


@cache
def _wrong_with_import(module: str) -> str | None:
    program = _IMPORT.format(module=module, heavy=_HEAVY)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended"])[-1]
        return f"{module} cannot be imported on its own: {last}"
    heavy = done.stdout.split()
    return f"importing {module} imports {', '.join(heavy)}" if heavy else None


def availability_breaches(
    kind: type[Analyzer], settings: AnalyzerSettings, context: AnalyzerContext
) -> Iterator[Breach]:
    """Ask what is missing: here, and where there are no model files."""
    with tempfile.TemporaryDirectory() as empty:
        places = [AnalyzerContext(Path(empty)), AnalyzerContext(Path(empty) / "missing"), context]
        breaches = [breach for place in places for breach in _sentence_breaches(kind, settings, place)]
    yield from breaches[:1]
    if not breaches and (missing := kind.unavailable_because(settings, context)):
        yield Breach(Rule.IS_AVAILABLE, missing)


def _sentence_breaches(kind: type[Analyzer], settings: AnalyzerSettings, context: AnalyzerContext) -> Iterator[Breach]:
    try:
        reason: Any = kind.unavailable_because(settings, context)
    except Exception as error:
        yield Breach(Rule.SAYS_WHAT_IS_MISSING, f"unavailable_because() raised {described(error)}")
        return
    if reason is not None and not (isinstance(reason, str) and reason.strip()):
        yield Breach(Rule.SAYS_WHAT_IS_MISSING, f"unavailable_because() gave {reason!r}")


def declaration_breaches(analyzer: Analyzer) -> Iterator[Breach]:
    """Check what a loaded instance says of itself."""
    for name in ("stateful", "parallel", "by_picture", "takes_inputs"):
        value: Any = getattr(analyzer, name)
        if not isinstance(value, bool):
            yield Breach(Rule.DECLARATIONS_ARE_TRUE, f"{name} is {value!r}, neither True nor False")
    libraries: Any = analyzer.libraries
    if isinstance(libraries, str) or not all(isinstance(name, str) for name in libraries):
        yield Breach(Rule.DECLARATIONS_ARE_TRUE, f"libraries is {libraries!r}, not a tuple of names")
        return
    for name in libraries:
        if not _is_installed(name):
            yield Breach(Rule.DECLARATIONS_ARE_TRUE, f"libraries names {name!r}, and no such package is installed")
    for path in analyzer.model_files():
        if not Path(path).is_file():
            yield Breach(Rule.DECLARATIONS_ARE_TRUE, f"model_files() names {path}, and there is no such file")


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
