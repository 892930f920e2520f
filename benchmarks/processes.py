"""Processes of their own for a measurement, spawned so that they share nothing."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

_spawning = multiprocessing.get_context("spawn")


@contextmanager
def running(work: Callable[..., None], *arguments: object) -> "Iterator[Connection[Any, Any]]":
    """Run ``work(connection, *arguments)`` in a process; give the other end of the connection."""
    here, there = _spawning.Pipe()
    process = _spawning.Process(target=work, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.join(10)
        process.kill()


def all_of(count: int, work: Callable[..., None], *arguments: object) -> list[Any]:
    """Start ``count`` of them, let them begin at once, and return what each sends."""
    pipes = [_spawning.Pipe() for _ in range(count)]
    processes = [_spawning.Process(target=work, args=(there, *arguments), daemon=True) for _, there in pipes]
    for process, (_, there) in zip(processes, pipes, strict=True):
        process.start()
        there.close()  # so that one that dies ends the measurement
    for here, _ in pipes:
        here.recv()
    for here, _ in pipes:
        here.send("begin")
    answers = [here.recv() for here, _ in pipes]
    for process in processes:
        process.join(10)
        process.kill()
    return answers
