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
        ("api/submit.py", "import reelwork.storage.local", "Adapters are named by bootstrap alone"),
        ("jobs/service.py", "import av", "Neither the API nor the worker's supervisor touches a decoder or a model"),
        ("worker/analysis.py", "import reelwork.jobs.store", "Child processes hold no database and serve no HTTP"),
        ("video/mp4.py", "import sqlalchemy", "Child processes hold no database and serve no HTTP"),
        ("worker/chore.py", "import fastapi", "The worker's supervisor serves no HTTP"),
        ("bootstrap/foundation.py", "import reelwork.worker.rescue", "The API runs no job"),
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


DATABASE = {"sqlalchemy", "alembic", "psycopg"}
HTTP = {"fastapi", "starlette", "uvicorn", "httpx"}
NATIVE = {"av", "numpy", "cv2", "onnxruntime", "rapidocr", "zxingcpp"}
COMMAND_LINE = {"reelwork.cli", "typer"}

LOAD_CATALOG = """
from pathlib import Path
from reelwork.bootstrap.pipelines import load_catalog
from reelwork.settings import Settings
load_catalog(Settings(data_dir=Path("/nonexistent"))).entries()
"""


@pytest.mark.parametrize(
    ("work", "unwanted"),
    [
        pytest.param("import reelwork.cli.server", NATIVE, id="API"),
        pytest.param(LOAD_CATALOG, DATABASE | HTTP | NATIVE, id="catalog"),
        pytest.param("import reelwork.bootstrap.worker", HTTP | NATIVE, id="supervisor"),
        pytest.param("import reelwork.bootstrap.analysis", DATABASE | HTTP | NATIVE | COMMAND_LINE, id="analysis"),
        pytest.param(
            "import reelwork.video.prober", DATABASE | HTTP | NATIVE | COMMAND_LINE | {"pydantic"}, id="prober"
        ),
        pytest.param("import reelwork.__main__", DATABASE | HTTP | NATIVE | COMMAND_LINE | {"pydantic"}, id="script"),
    ],
)
def test_process_loads_what_it_works_with(work: str, unwanted: set[str]) -> None:
    command = [sys.executable, "-c", f"{work}\nimport sys\nprint(*sys.modules)"]

    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())

    assert loaded & unwanted == set()
