"""How much memory something takes at its peak, beyond what was taken before it began."""

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path


def peak_growth_bytes(work: Callable[[], object]) -> int:
    """Run ``work`` and return the most Python (and numpy) memory it held at once."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


def peak_bytes(pid: int) -> int:
    """Return the most memory a process has held, since it began or since ``forget_peak``."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not tell the peak")


def forget_peak(pid: int) -> None:
    """Let the peak of a process be what it holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
