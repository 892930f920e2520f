"""How much memory something takes at its peak, beyond what was taken before it began."""

import gc
import tracemalloc
from collections.abc import Callable


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
