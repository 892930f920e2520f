"""The examples of docs/reference/client.md run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "client.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(service_url: str, media_dir: Path, tmp_path: Path, number: int) -> None:
    (tmp_path / "clip.mp4").symlink_to(media_dir / "midroll-5s.mp4")
    (tmp_path / "other.mp4").symlink_to(media_dir / "burned-in-time-15fps.mp4")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLES[number]],
        env={**os.environ, "REELWORK_URL": service_url},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 13
