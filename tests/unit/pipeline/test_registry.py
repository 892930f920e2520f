"""Analyzers found by their entry points."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from reelwork.analyzers.registry import ENTRY_POINT_GROUP, AnalyzerRegistry
from tests.support.analyzers import Brightness, Index

MODULE = "reelwork_test_plugins"

SOURCE = """
from tests.support.analyzers import Brightness, Index

class NotAnAnalyzer:
    pass

instance = Index(Index.Settings(), None)
"""


@pytest.fixture(autouse=True)
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of modules that can be imported."""
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, ENTRY_POINT_GROUP)


def test_each_is_found_by_its_name() -> None:
    registry = AnalyzerRegistry.from_entry_points(
        [point("one", f"{MODULE}:Index"), point("two", f"{MODULE}:Brightness")]
    )
    assert registry.analyzers == {"one": Index, "two": Brightness}
    assert registry.broken == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import there_is_no_such_module", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
        ("raise OSError('libgpu.so is missing')", "OSError: libgpu.so is missing"),
        ("def def", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Other: pass", "AttributeError"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_stops_nothing(plugins: Path, source: str, said: str) -> None:
    (plugins / "reelwork_test_broken.py").write_text(source)
    registry = AnalyzerRegistry.from_entry_points(
        [
            point("a_broken", "reelwork_test_broken:Analyzer"),
            point("fine", f"{MODULE}:Index"),
            point("missing", "reelwork_test_nowhere:Analyzer"),
        ]
    )
    assert registry.analyzers == {"fine": Index}
    assert set(registry.broken) == {"a_broken", "missing"}
    assert registry.broken["a_broken"].startswith("reelwork_test_broken:Analyzer could not be loaded: ")
    assert said in registry.broken["a_broken"]


@pytest.mark.parametrize("attribute", ["NotAnAnalyzer", "instance", "__name__"])
def test_what_is_no_analyzer_is_refused(attribute: str) -> None:
    registry = AnalyzerRegistry.from_entry_points([point("odd", f"{MODULE}:{attribute}")])
    assert registry.analyzers == {}
    assert "not a subclass of reelwork.analyzers.Analyzer" in registry.broken["odd"]


def test_of_two_of_one_name_the_first_by_place_is_taken_whatever_the_order() -> None:
    points = [point("same", f"{MODULE}:Index"), point("same", f"{MODULE}:Brightness")]
    for given in (points, points[::-1]):
        registry = AnalyzerRegistry.from_entry_points(given)
        assert registry.analyzers == {"same": Brightness}
        assert registry.broken == {f"same ({MODULE}:Index)": "another package already provides 'same'"}


def test_an_interrupt_is_none_of_a_plugins_mistakes(plugins: Path) -> None:
    (plugins / "reelwork_test_broken.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        AnalyzerRegistry.from_entry_points([point("broken", "reelwork_test_broken:Analyzer")])


def test_none_at_all() -> None:
    registry = AnalyzerRegistry.from_entry_points([])
    assert (registry.analyzers, registry.broken) == ({}, {})
