"""The commands of the testing guide do what the page says, in a tree of their own."""

import re
import sys
from contextlib import closing
from pathlib import Path

from tests.support.shell import Shell, blocks_run_by, free_port, with_values
from tools.tree import ROOT

ONE, PLACE, KILLED, RUN_ALL_THE_SAME, BROKEN = blocks_run_by(__file__, "docs/how-to/test.md", "sh")


def test_the_testing_guide(tree: Path, tmp_path: Path) -> None:
    for clip in ("parcels.mp4", "midroll-5s.mp4"):
        if not (tree / "media" / clip).exists():
            (tree / "media" / clip).symlink_to(ROOT / "media" / clip)
    environment = {"PYTHONPATH": f"{tree / 'src'}:{tree}", "REELWORK_PROBE_PROCESSES": "1"}
    with closing(Shell(tree, environment)) as shell:

        def run(commands: str) -> str:
            for written, meant in (
                ("PYTHONPATH=", f"PYTHONPATH={tree / 'src'}:{tree}:"),
                (".venv/bin/python", sys.executable),
                (".venv/bin/reelwork", f"{sys.executable} -m reelwork"),
            ):
                commands = re.sub(rf"(?<!\S){re.escape(written)}", meant, commands)
            return shell.run(commands)

        passed = run(ONE.text)
        assert passed.count(" passed") == 3
        run(with_values(PLACE, {"DATA": tmp_path / "data", "PORT": free_port()}))
        killed = run(KILLED.text)
        assert killed.endswith("no answer\n")
        assert '"status":"completed"' in run(RUN_ALL_THE_SAME.text)
        broken = run(BROKEN.text)
        assert " failed" in broken
        assert broken.endswith("seen\n")
    assert "size == 0" in (tree / "src/reelwork/jobs/service.py").read_text()
