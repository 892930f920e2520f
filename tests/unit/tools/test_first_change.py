"""The change that newcomers are shown does what the page says."""

import sys
from contextlib import closing
from pathlib import Path

from tests.support.shell import Shell, blocks_run_by
from tools.check_docs import main as check_docs
from tools.check_paths import main as check_paths
from tools.tree import ROOT

TEST, CODE, SEE, REFERENCE, CHANGELOG = blocks_run_by(__file__, "docs/how-to/first-change.md", "sh")


def test_a_first_change(tree: Path) -> None:
    (tree / "media" / "midroll-5s.mp4").symlink_to(ROOT / "media" / "midroll-5s.mp4")
    with closing(Shell(tree, {"PYTHONPATH": f"{tree / 'src'}:{tree}"})) as shell:

        def run(commands: str, *, fails: bool = False) -> str:
            return shell.run(commands.replace(".venv/bin/python", sys.executable), fails=fails)

        assert "No such file" in run(TEST.text, fails=True)
        assert "1 passed" in run(CODE.text)
        assert "ExoPlayer ad test" in run(SEE.text)
        assert "Tell the shots of the video apart, and" in run(REFERENCE.text)
        run(CHANGELOG.text)
    assert "- Pipeline `scenes_text`" in (tree / "CHANGELOG.md").read_text()
    assert check_docs(tree) == 0
    assert check_paths(tree) == 0
