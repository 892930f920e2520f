"""Interleaved rounds: what the machine does meanwhile falls on both sides alike."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

_Name = TypeVar("_Name", bound=Hashable)


def interleaved(ways: dict[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Run every way once unmeasured, then in turns; return the median seconds of each."""
    for run in ways.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def side_by_side(theirs: Callable[[], object], ours: Callable[[], object], rounds: int) -> list[float]:
    """Run both once unmeasured, then in turns; return how many times as long theirs took in each round, sorted."""
    theirs(), ours()
    return sorted(timed(theirs, 1)[0] / timed(ours, 1)[0] for _ in range(rounds))


def in_turns(ways: Mapping[_Name, Callable[[], object]], times: int) -> dict[_Name, list[float]]:
    """Run every way many times, each once a turn; return the seconds of each."""
    taken: dict[_Name, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, run in ways.items():
            taken[name] += timed(run, 1)
    return taken


def timed(run: Callable[[], object], times: int) -> list[float]:
    """Run something many times; return the seconds of each."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return taken


def repeated_for(
    duration_s: float, run: Callable[[], object], error: type[Exception] | tuple[()] = ()
) -> tuple[list[float], int]:
    """Run something again and again; return the seconds of each that succeeded, and how many failed with ``error``."""
    taken, errors = [], 0
    end = time.monotonic() + duration_s
    while (began := time.monotonic()) < end:
        try:
            run()
            taken.append(time.monotonic() - began)
        except error:
            errors += 1
    return taken, errors


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return the time that ``percent`` of them did not exceed."""
    return sorted(seconds)[min(len(seconds) * percent // 100, len(seconds) - 1)]


def in_ms(seconds: Sequence[float]) -> str:
    """Say the median and the 99th percentile."""
    return f"p50 {percentile(seconds, 50) * 1000:6.2f} ms   p99 {percentile(seconds, 99) * 1000:6.2f} ms"


def compared(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """Say how many times as long theirs takes as ours."""
    ratios = (percentile(theirs, percent) / percentile(ours, percent) for percent in (50, 99))
    return "p50 x{:.2f}   p99 x{:.2f}".format(*ratios)
