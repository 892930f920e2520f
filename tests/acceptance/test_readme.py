"""What the README shows is what happens."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from reelwork.analyzers.registry import AnalyzerRegistry
from reelwork.pipeline.definition import read_definition
from reelwork.pipeline.graph import build_graph
from tests.support.service import PLUGIN_DIR, Caller, Service

ROOT = Path(__file__).parent.parent.parent
CURL = ROOT / "tests" / "support" / "curl.py"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


SETUP, SESSION = blocks("console")
CLIENT, ANALYZER = blocks("python")


def test_session(up: Caller, tmp_path: Path) -> None:
    commands = [line.removeprefix("$ ") for line in SESSION.splitlines() if line.startswith("$ ")]
    (tmp_path / "media").symlink_to(ROOT / "media")
    if shutil.which("curl") is None:
        commands.insert(0, f'curl() {{ {sys.executable} {CURL} "$@"; }}')
    script = "\n".join(["set -eu", *commands]).replace("http://127.0.0.1:8000", str(up.http.base_url))

    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    shown = "\n".join(line for line in SESSION.splitlines() if not line.startswith("$ "))
    assert gist(done.stdout) == gist(shown)


def gist(printed: str) -> list[tuple[int, float, list[str]]]:
    """The results document that was printed last, but for digits that may differ between processors."""
    entries = json.loads(printed[printed.rindex('{"job_id"') :])["results"]
    return [
        (entry["frame_index"], entry["result"]["time_s"], [item["text"] for item in entry["result"]["text"]])
        for entry in entries
    ]


def test_set_up() -> None:
    """The targets are there; `make check`, of which the tests are a part, makes them."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"^\$ make ([a-z-]+) +#", SETUP, re.MULTILINE)
    assert commands == ["demo", "test"]
    assert set(commands) < set(targets)


def test_client(up: Caller, tmp_path: Path) -> None:
    (tmp_path / "media").symlink_to(ROOT / "media")
    environment = {**os.environ, "REELWORK_URL": str(up.http.base_url)}

    done = subprocess.run(
        [sys.executable, "-c", CLIENT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    frames = done.stdout.splitlines()
    assert frames[0].startswith("0.0 [{'text': 'ExoPlayer ad test'")
    assert len(frames) == 125


def test_own_analyzer(service: Service, caller: Callable[[str], Caller], tmp_path: Path, media_dir: Path) -> None:
    plugin = tmp_path / "plugin"
    (plugin / "brightness-1.0.dist-info").mkdir(parents=True)
    (plugin / "brightness.py").write_text(ANALYZER)
    (plugin / "brightness-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: brightness\nVersion: 1.0\n"
    )
    entry_point = re.search(r'^brightness = "(.*)"$', blocks("toml")[0], re.MULTILINE)
    assert entry_point is not None
    (plugin / "brightness-1.0.dist-info" / "entry_points.txt").write_text(
        f"[reelwork.analyzers]\nbrightness = {entry_point[1]}\n"
    )
    service.environment = {"PYTHONPATH": f"{plugin}:{PLUGIN_DIR}"}
    service.write_pipeline("brightness", "brightness", decimals=2)
    calls = caller(service.start("up", "--port", "0").url())

    results = calls.results(calls.submit(media_dir / "fragmented.mp4", pipeline="brightness"))

    assert len(results) == 30
    assert all(0 < entry["result"]["answer"] < 1 for entry in results)


def test_own_pipeline(tmp_path: Path) -> None:
    (tmp_path / "plates.yaml").write_text(blocks("yaml")[0])

    graph = build_graph(read_definition(tmp_path / "plates.yaml"), AnalyzerRegistry.installed())

    assert [node.name for node in graph.nodes] == ["plates", "text"]
