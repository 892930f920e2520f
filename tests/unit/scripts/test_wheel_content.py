"""A wheel that lacks something, or holds something more, is noticed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.wheel_content import breaches, package_files

PACKAGE = package_files(Path(__file__).parents[3] / "src")
METADATA = {f"reelwork-1.0.dist-info/{name}" for name in ("METADATA", "entry_points.txt", "licenses/LICENSE")}


def test_the_package_and_its_metadata_are_a_good_wheel() -> None:
    assert breaches(PACKAGE | METADATA, PACKAGE) == []


@pytest.mark.parametrize(
    "name", ["tests/conftest.py", "tools/paths.py", "benchmarks/__init__.py", "reelwork/left_over.py", "LICENSE"]
)
def test_what_does_not_belong_there_is_noticed(name: str) -> None:
    assert breaches(PACKAGE | METADATA | {name}, PACKAGE) == [f"{name} does not belong there"]


@pytest.mark.parametrize("name", ["reelwork/py.typed", "reelwork/api/static/index.html", "reelwork/errors.py"])
def test_a_file_that_was_left_out_is_noticed(name: str) -> None:
    assert f"{name} is missing" in breaches((PACKAGE - {name}) | METADATA, PACKAGE)


def _all_of(folder: str) -> set[str]:
    return {name for name in PACKAGE | METADATA if name.startswith(folder)}


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("reelwork/db/migrations/versions/", "reelwork/db/migrations/versions/*.py"),
        ("reelwork/pipeline/shipped/", "reelwork/pipeline/shipped/*.yaml"),
        ("reelwork/api/static/", "reelwork/api/static/*.js"),
        ("reelwork-1.0.dist-info/licenses/", "reelwork-*.dist-info/licenses/LICENSE"),
    ],
)
def test_what_is_essential_has_to_be_there_even_if_the_source_lost_it(folder: str, pattern: str) -> None:
    lost = _all_of(folder)
    assert f"nothing is called {pattern}" in breaches((PACKAGE | METADATA) - lost, PACKAGE - lost)


def test_what_python_compiled_is_not_of_the_package(tmp_path: Path) -> None:
    for path in _files(tmp_path, "reelwork/api/app.py", "reelwork/api/__pycache__/app.cpython-311.pyc", "other.py"):
        path.write_text("")
    assert package_files(tmp_path) == {"reelwork/api/app.py"}


def _files(folder: Path, *names: str) -> Iterator[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        yield folder / name
