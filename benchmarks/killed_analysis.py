"""Stands in for an analysis: it holds as much memory as one, and is killed as soon as it gets a job."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

_HELD_BYTES = 64 * 2**20


def set_up() -> Callable[[Any], None]:
    """Return the function that gets a job; when it was killed is found in place of the video."""
    held = bytearray(b"x") * _HELD_BYTES

    def be_killed(request: Any) -> None:
        request.video_path.write_text(f"{time.monotonic()} {len(held)}")
        os.kill(os.getpid(), signal.SIGKILL)

    return be_killed
