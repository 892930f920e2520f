"""The commands about webhooks."""

import subprocess
import sys

from reelwork.webhooks.signatures import read_secrets


def test_secret_is_one_that_can_be_used() -> None:
    command = [sys.executable, "-m", "reelwork", "webhooks", "secret"]
    first, second = (subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert len(read_secrets(first)) == 1
    assert first != second
