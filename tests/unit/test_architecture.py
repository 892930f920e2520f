"""The import contracts hold, and break when they are broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package below ``root``."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(
        command, cwd=root, env={"PYTHONPATH": str(root / "src")}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "breach", "contract"),
    [
        ("jobs/store.py", "import reelwork.api.app", "Imports point downwards only"),
        ("video/frame.py", "import reelwork.analyzers", "Imports point downwards only"),
        ("api/video.py", "import reelwork.storage.local", "Adapters are named by bootstrap alone"),
        ("jobs/service.py", "import av", "Neither the API nor the worker's supervisor touches a decoder or a model"),
        ("storage/service.py", "import reelwork.db.engine", "Ports do not know their adapters"),
    ],
)
def test_contract_breaks(copy: Path, module: str, breach: str, contract: str) -> None:
    path = copy / "src" / "reelwork" / module
    path.write_text(f"{path.read_text()}\n{breach}\n")

    done = lint(copy)

    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_package_outside_the_layers_is_noticed(copy: Path) -> None:
    (copy / "src" / "reelwork" / "helpers").mkdir()
    (copy / "src" / "reelwork" / "helpers" / "__init__.py").write_text("")

    assert lint(copy).returncode == 1
