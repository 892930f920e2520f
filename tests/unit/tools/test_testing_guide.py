"""The commands of the testing guide do what the page says; where one changes the code, in a tree of its own."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.shell import Shell, blocks_run_by, free_port, with_values
from tools.tree import ROOT

ONE, PLACE, KILLED, RUN_ALL_THE_SAME, BROKEN, AT_LENGTH = blocks_run_by(__file__, "docs/how-to/test.md", "sh")


class _Commands:
    """Runs commands of the page with the code of a tree."""

    def __init__(self, shell: Shell, path: str) -> None:
        self._shell = shell
        self._meant = {
            "PYTHONPATH=": f"PYTHONPATH={path}:",
            ".venv/bin/python": sys.executable,
            ".venv/bin/reelwork": f"{sys.executable} -m reelwork",
        }

    def run(self, commands: str) -> str:
        for written, meant in self._meant.items():
            commands = re.sub(rf"(?<!\S){re.escape(written)}", meant, commands)
        return self._shell.run(commands)


@contextmanager
def _in(tree: Path) -> Iterator[_Commands]:
    path = f"{tree / 'src'}:{tree}"
    shell = Shell(tree, {"PYTHONPATH": path, "REELWORK_PROBE_PROCESSES": "1"})
    try:
        yield _Commands(shell, path)
    finally:
        shell.close()


def test_a_part_of_the_tests() -> None:
    with _in(ROOT) as commands:
        assert commands.run(ONE.text).count(" passed") == 3


def test_an_api_that_dies_before_it_answers(tmp_path: Path) -> None:
    with _in(ROOT) as commands:
        commands.run(with_values(PLACE, {"DATA": tmp_path / "data", "PORT": free_port()}))
        assert commands.run(KILLED.text).endswith("no answer\n")
        assert '"status":"completed"' in commands.run(RUN_ALL_THE_SAME.text)


def test_at_length_but_shorter(tmp_path: Path) -> None:
    shorter = re.sub(r"(--seconds |SOAK_SECONDS=)\d+", r"\g<1>3", AT_LENGTH.text)
    always_the_same = re.sub(r"--seconds 3 (?!--seed)", "--seconds 3 --seed 1 ", shorter)
    few = "SOAK_SEED=1 SOAK_DATABASES=sqlite SOAK_WORKERS=2 SOAK_APIS=1"
    with _in(ROOT) as commands:
        told = commands.run(f"export TMPDIR={tmp_path} {few}\n{always_the_same}")
    assert re.findall(r"\bseed (\d+)", told) == ["1", "1", "1"]


def test_broken_code_is_seen(tree: Path) -> None:
    with _in(tree) as commands:
        seen = commands.run(BROKEN.text)
    assert " failed" in seen
    assert seen.endswith("seen\n")
    assert "size == 0" in (tree / "src/reelwork/jobs/service.py").read_text()
