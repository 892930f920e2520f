"""What processes cost that have nothing to do."""

import time
from collections.abc import Iterable

import psutil

_SETTLED = 0.05
_LOOK_EVERY_S = 1.0
_TIMEOUT_S = 120.0


def idle_cpu(processes: dict[str, int], duration_s: float) -> dict[str, float]:
    """Return the share of a core that each takes with all its children, once all have come to rest."""
    _wait_until_settled(processes.values())
    return _shares(processes, duration_s)


def _wait_until_settled(process_ids: Iterable[int]) -> None:
    """Wait until none is busy starting any more."""
    processes = {str(process_id): process_id for process_id in process_ids}
    deadline = time.monotonic() + _TIMEOUT_S
    while max(_shares(processes, _LOOK_EVERY_S).values()) > _SETTLED:
        assert time.monotonic() < deadline, "they did not come to rest"


def _shares(processes: dict[str, int], duration_s: float) -> dict[str, float]:
    began = time.monotonic()
    before = {name: _cpu_s(process_id) for name, process_id in processes.items()}
    time.sleep(duration_s)
    elapsed_s = time.monotonic() - began
    return {name: (_cpu_s(process_id) - before[name]) / elapsed_s for name, process_id in processes.items()}


def _cpu_s(process_id: int) -> float:
    family = [psutil.Process(process_id), *psutil.Process(process_id).children(recursive=True)]
    return sum(time.clock_gettime(_cpu_clock(process.pid)) for process in family)


def _cpu_clock(process_id: int) -> int:
    """Return what clock_getcpuclockid(3) does; /proc counts in hundredths of a second, too coarse for idleness."""
    return (~process_id << 3) | 2
