"""The reference pages say what the code says."""

import subprocess
import sys
from pathlib import Path


def test_reference_pages_are_up_to_date() -> None:
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, str(root / "scripts" / "write_reference.py"), "--check"], check=False)
    assert done.returncode == 0, "run: python scripts/write_reference.py"
