"""Run something many times at once, in threads or in real processes, and hand back every answer."""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

TIMEOUT_S = 60.0


def in_threads(count: int, work: Callable[[int], T]) -> list[T]:
    """Call ``work(0)`` to ``work(count - 1)`` at the same moment; an exception of any is raised here."""
    barrier = threading.Barrier(count)

    def start_together(number: int) -> T:
        barrier.wait(TIMEOUT_S)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start_together, range(count), timeout=TIMEOUT_S))


def in_processes(count: int, work: Callable[..., T], *arguments: Any) -> list[T]:
    """Call ``work(number, *arguments)`` at the same moment in processes that share nothing with this one.

    ``work`` must stand at the top level of a module.
    """
    spawning = multiprocessing.get_context("spawn")
    with spawning.Manager() as manager:
        barrier = manager.Barrier(count)
        with ProcessPoolExecutor(count, mp_context=spawning) as pool:
            running = [pool.submit(_start_together, barrier, work, number, arguments) for number in range(count)]
            return [future.result(TIMEOUT_S) for future in running]


def _start_together(barrier: Any, work: Callable[..., T], number: int, arguments: Sequence[Any]) -> T:
    barrier.wait(TIMEOUT_S)
    return work(number, *arguments)
