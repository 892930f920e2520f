"""A few child processes that open untrusted videos, one request each at a time, within limits."""

import queue
import time
from collections.abc import Sequence
from typing import Generic

from reelwork.child_process import Answer, ChildProcess, Request

_MEBIBYTE = 2**20
_MEMORY_CHECK_S = 0.2


class GivenUp(Exception):
    """A request went beyond a limit and was stopped; ``str(error)`` completes "opening the video ..."."""


class ChildPool(Generic[Request, Answer]):
    """Hands each request to a child that has none; safe to use from several threads."""

    def __init__(self, children: Sequence[ChildProcess[Request, Answer]], timeout_s: float, memory_mb: int) -> None:
        """Take children, which are started when first needed.

        Args:
            children: The processes; from now on nobody else may use them.
            timeout_s: How long a request may take, once a child has it.
            memory_mb: How much memory a child may have meanwhile.
        """
        self._children = list(children)
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._idle: queue.LifoQueue[ChildProcess[Request, Answer]] = queue.LifoQueue()
        for child in self._children:
            self._idle.put(child)

    def start(self) -> None:
        """Start the processes, so that the first request does not wait for them."""
        for child in self._children:
            child.start()

    def stop(self) -> None:
        """End the processes."""
        for child in self._children:
            child.kill()

    def ask(self, request: Request) -> Answer:
        """Return a child's answer.

        Raises:
            GivenUp: It took too long, or too much memory.
            ChildDied: The child crashed.
        """
        child = self._idle.get()
        try:
            child.send(request)
            self._watch(child)
            return child.answer()
        except GivenUp:
            child.kill()
            raise
        finally:
            self._idle.put(child)

    def _watch(self, child: ChildProcess[Request, Answer]) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not child.wait_for_answer(min(_MEMORY_CHECK_S, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                raise GivenUp(f"took longer than {self._timeout_s:g} s")
            if child.memory_bytes > self._memory_mb * _MEBIBYTE:
                raise GivenUp(f"took more than {self._memory_mb} MB of memory")
