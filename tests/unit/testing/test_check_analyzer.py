"""The check for plugin authors finds each way to break the contract, and passes those who keep it."""

import io
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import segno

from reelwork.analyzers import Analyzer, Frame
from reelwork.analyzers.builtin.codes import Codes
from reelwork.analyzers.builtin.objects import Objects
from reelwork.analyzers.builtin.quality import Quality
from reelwork.analyzers.builtin.scenes import Scenes
from reelwork.analyzers.builtin.text import Text
from reelwork.testing import AnalyzerContractError, Breach, Rule, check_analyzer
from tests.support.onnx_models import ColourModel
from tests.support.pictures import frames_of, pasted, plain
from tests.unit.testing import broken
from tests.unit.testing.broken import BREAKING, KEEPING, Consuming, Describing, Lacking, Light

CASES = [(rule, kind) for rule, kinds in BREAKING.items() for kind in kinds]
ELSEWHERE = {Rule.IMPORT_IS_CHEAP, Rule.INPUTS_ARE_SHARED}


def breaches(kind: Any, settings: dict[str, Any] | None = None, **more: Any) -> tuple[Breach, ...]:
    """Check an analyzer that breaks rules."""
    with pytest.raises(AnalyzerContractError) as caught:
        check_analyzer(kind, settings, **more)
    return caught.value.breaches


@pytest.mark.parametrize("kind", KEEPING)
def test_who_keeps_every_rule_passes(kind: type[Analyzer]) -> None:
    check_analyzer(kind)


@pytest.mark.parametrize(("rule", "kind"), CASES, ids=[f"{rule.name}-{kind.__name__}" for rule, kind in CASES])
def test_who_breaks_one_rule_is_told_that_one(rule: Rule, kind: type[Analyzer]) -> None:
    assert [breach.rule for breach in breaches(kind)] == [rule]


def test_every_rule_has_somebody_who_breaks_it() -> None:
    assert BREAKING.keys() | ELSEWHERE == set(Rule)


def test_all_breaches_are_told_at_once_each_with_what_to_do() -> None:
    class Messy(broken.Counting):
        libraries = ("no-such-library-anywhere",)

        def one(self, frame: Frame) -> Any:
            return {"index": frame.index, "confidence": 7, "picture": b""}

    with pytest.raises(AnalyzerContractError) as caught:
        check_analyzer(Messy)
    message = str(caught.value)
    assert message.startswith("Messy breaks 5 rules of the contract")
    for rule in (
        Rule.DESCRIBES_ITSELF,
        Rule.DECLARATIONS_ARE_TRUE,
        Rule.ANSWERS_ARE_JSON,
        Rule.ANSWERS_ARE_IN_RANGE,
        Rule.BY_PICTURE_HOLDS,
    ):
        assert f"{rule.name}: " in message
        assert rule.value in message
    assert "for frame 0 of 'one pixel' the answer['confidence'] is 7: not a number in 0..1" in message


def test_what_is_no_class() -> None:
    assert [breach.rule for breach in breaches(Light(Light.Settings(), None))] == [Rule.IS_AN_ANALYZER]  # type: ignore[arg-type]
    assert [breach.rule for breach in breaches(dict)] == [Rule.IS_AN_ANALYZER]


def test_settings_that_are_refused() -> None:
    (breach,) = breaches(Quality, {"sharpness_of_the_mind": 1})
    assert breach.rule is Rule.IS_AVAILABLE
    assert "sharpness_of_the_mind" in breach.what


def test_model_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "light.onnx").touch()
    check_analyzer(Lacking, model_dir=tmp_path)


def test_frames_of_ones_own_are_analysed_too() -> None:
    class Bright(Light):
        """Is wrong about white pictures of one size."""

        def one(self, frame: Frame) -> Any:
            return {"confidence": 2.0 if (frame.width, frame.height) == (50, 30) else 0.5}

    check_analyzer(Bright)
    (breach,) = breaches(Bright, frames=frames_of([plain(50, 30)]))
    assert breach.rule is Rule.ANSWERS_ARE_IN_RANGE
    assert "frame 0 of 'your own frames'" in breach.what


def test_inputs_are_given_and_are_not_to_be_changed() -> None:
    seen = []

    def inputs(frame: Frame) -> dict[str, Any]:
        seen.append(frame.index)
        return {"objects": [{"label": "car"}]}

    check_analyzer(Describing, inputs=inputs)
    assert seen
    (breach,) = breaches(Consuming, inputs=inputs)
    assert breach.rule is Rule.INPUTS_ARE_SHARED


class TestImport:
    PLUGIN = """
{imports}
from reelwork.analyzers import Analyzer

class Plugin(Analyzer):
    "Finds nothing."

    def analyze(self, frames, inputs):
        return [[] for _ in frames]
"""

    @pytest.mark.parametrize(
        ("module", "imports", "what"),
        [
            ("heavy_plugin", "import cv2", "imports cv2, numpy"),
            (
                "needy_plugin",
                "import sys\nif 'pytest' not in sys.modules: raise OSError('no driver')",
                "OSError: no driver",
            ),
            ("light_plugin", "import json", None),
        ],
    )
    def test_what_comes_with_the_module(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, imports: str, what: str | None
    ) -> None:
        (tmp_path / f"{module}.py").write_text(self.PLUGIN.format(imports=imports))
        monkeypatch.syspath_prepend(tmp_path)
        plugin = import_module(module).Plugin
        monkeypatch.delitem(sys.modules, module)
        if what is None:
            check_analyzer(plugin)
            return
        (breach,) = breaches(plugin)
        assert breach.rule is Rule.IMPORT_IS_CHEAP
        assert what in breach.what


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A directory with a model that finds coloured cells."""
    ColourModel().save(tmp_path / "objects.onnx")
    return tmp_path


def coloured() -> list[Frame]:
    """Frames on which that model finds something."""
    return frames_of([pasted(plain(64, 64), plain(16, 16, (0, 0, 255)), 8 * step, 16) for step in range(4)])


def coded() -> list[Frame]:
    """Frames that show a QR code on its way."""
    drawn = io.BytesIO()
    segno.make_qr("on its way").save(drawn, kind="png", scale=3, border=4)
    code = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    return frames_of([pasted(plain(160, 120), code, 8 * step, 16) for step in range(3)])


@pytest.mark.parametrize(
    ("kind", "settings", "frames"),
    [
        (Codes, {}, coded),
        (Objects, {}, coloured),
        (Objects, {"track": True}, coloured),
        (Quality, {}, list),
        (Scenes, {}, list),
        (Text, {}, list),
    ],
)
def test_the_built_in_analyzers_keep_it(
    kind: type[Analyzer], settings: dict[str, Any], frames: Callable[[], list[Frame]], models: Path
) -> None:
    check_analyzer(kind, settings, model_dir=models, frames=frames())
