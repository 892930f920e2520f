"""A child process that does one call at a time, and whose end, however it comes, is noticed and named.

Code that may crash, hang or eat memory runs in one of these: the decoder on an untrusted file, a model,
a plugin. The child is spawned, never forked, and ends with its parent.
"""

import ctypes
import logging
import multiprocessing
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

import psutil

from reelwork.logs import configure_logging, current_context, process_about

log = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Setup = ParamSpec("Setup")

_STOP_TIMEOUT_S = 5.0
_PR_SET_PDEATHSIG = 1
_CRASHES = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL}
"""Exit codes of processes that ended themselves in native code."""


class Waitable(Protocol):
    """Something a process can wait for."""

    def fileno(self) -> int:
        """Return a descriptor that becomes readable."""


class ChildDied(Exception):
    """The child ended without an answer; ``str(error)`` completes the sentence "the process ...".

    Attributes:
        crashed: Whether it was native code that ended it.
    """

    def __init__(self, cause: str, *, crashed: bool = False) -> None:
        self.crashed = crashed
        super().__init__(cause)


class ChildProcess(Generic[Request, Answer]):
    """A warm child process. Not thread-safe: one call at a time, from one thread at a time."""

    def __init__(
        self, name: str, setup: Callable[Setup, Callable[[Request], Answer]], *args: Setup.args, **kwargs: Setup.kwargs
    ) -> None:
        """Prepare a child, without starting it.

        Args:
            name: Name of the process.
            setup: Called once in the child; returns the function that answers requests. It and its
                arguments, every request and every answer must be picklable.
            args: Arguments of ``setup``.
            kwargs: Arguments of ``setup``.
        """
        self._name = name
        self._arguments = (setup, args, kwargs)
        self._process: Any = None
        self._connection: Connection | None = None
        self._death: int | None = None
        # The two ends of the child, registered once: `wait` would do it for each call.
        self._polled: select.poll | None = None
        self._has_answered = False

    def start(self) -> None:
        """Start the child unless it is running, so that the next call finds it warm."""
        if self._process is not None and self._process.is_alive():
            return
        self.kill()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_child_main, args=(theirs, *self._arguments), name=self._name)
        self._process.start()
        self._death = _watch_for_death(self._process)
        self._polled = select.poll()
        for end in (self._connection, self._death):
            self._polled.register(end, select.POLLIN)
        theirs.close()

    def send(self, request: Request) -> None:
        """Hand over a request, starting the child if need be; wait for the answer with ``wait_for_answer``."""
        self.start()
        assert self._connection is not None
        # What the child logs is about the same job as what this process logs now.
        message = (current_context(), request)
        try:
            self._connection.send(message)
        except OSError:  # it died just now: start another and try once more
            self.kill()
            self.start()
            self._connection.send(message)

    def wait_for_answer(self, timeout_s: float, *others: Waitable) -> bool:
        """Wait until there is an answer or the child has died (True), or until time is up or another is ready."""
        if not others:
            ends = self._ready_ends(timeout_s)
            self._has_answered = self._connection in ends
            return bool(ends)
        ready: list[Any] = wait([*self.ends, *others], max(timeout_s, 0.0))  # type: ignore[list-item]
        return self._connection in ready or self._death in ready

    def _ready_ends(self, timeout_s: float) -> list[Any]:
        assert self._polled is not None
        ready = dict(self._polled.poll(max(timeout_s, 0.0) * 1000))
        return [end for end in self.ends if (end if isinstance(end, int) else end.fileno()) in ready]

    @property
    def ends(self) -> list[Any]:
        """What becomes ready when the child has answered or died."""
        return [self._connection, self._death]

    def answer(self) -> Answer:
        """Return the answer that ``wait_for_answer`` announced.

        Raises:
            ChildDied: The child ended without one.
        """
        assert self._connection is not None
        has_answered, self._has_answered = self._has_answered, False
        try:
            # The answer goes first: a child may have died right after giving it. Without one there may be no
            # end of the pipe either: a process that the child started may hold it open.
            if not has_answered and self._connection not in self._ready_ends(0):
                raise EOFError
            return self._connection.recv()  # type: ignore[no-any-return]
        except (EOFError, OSError) as error:
            self._process.join(_STOP_TIMEOUT_S)
            exit_code = self._process.exitcode
            self.kill()
            raise ChildDied(_describe_exit(exit_code), crashed=exit_code in _CRASHES) from error

    def kill(self) -> None:
        """End the child at once; the next ``send`` starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        if self._death is not None:
            os.close(self._death)
            self._death = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the running child and of its own children; 0 when there is none."""
        return sum(_resident(pid) for pid in [self.pid, *_children(self.pid)]) if self.pid else 0

    @property
    def pid(self) -> int | None:
        """Process id of the running child, or None."""
        return self._process.pid if self._process is not None else None


def with_care_after_a_crash(ask: Callable[[Request], Answer], request: Request) -> Answer:
    """Ask; if the process crashes, ask once more with ``careful`` set, which the request, a dataclass, must have.

    Some damaged videos crash decoders of several threads, and none of one.

    Raises:
        ChildDied: It died of something else, or of a careful request.
    """
    try:
        return ask(request)
    except ChildDied as error:
        if not error.crashed or request.careful:  # type: ignore[attr-defined]
            raise
        log.info("process.crashed", extra={"reason": str(error)})
        return ask(replace(request, careful=True))  # type: ignore[type-var]


def wait_for_any(children: Iterable[ChildProcess[Any, Any]]) -> None:
    """Wait until one of the children that were sent a request has answered or died."""
    wait([end for child in children for end in child.ends])


def end_with_starting_thread() -> None:
    """Let the kernel kill this child when the thread that started it ends, however it ends.

    The end of the parent is noticed without this too, but not while native code keeps the interpreter lock.
    Does nothing where the kernel is not Linux.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _resident(pid: int) -> int:
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def _children(pid: int) -> list[int]:
    """Return the children that a process has started from its main thread, where the kernel keeps a list of them."""
    try:
        # psutil would look at every process of the machine, and this is asked several times a second.
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _watch_for_death(process: Any) -> int:
    """Return a descriptor that becomes readable when the process ends."""
    try:
        # The sentinel is a pipe, which stays open as long as a process that the child started holds it.
        return os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, or an old one
        return os.dup(process.sentinel)


def _describe_exit(exit_code: int | None) -> str:
    if exit_code is None:
        return "stopped answering"
    if exit_code < 0:
        names = {int(known): f" ({known.name})" for known in signal.Signals}
        return f"was killed by signal {-exit_code}{names.get(-exit_code, '')}"
    return f"ended unexpectedly with exit code {exit_code}"


def _child_main(
    connection: Connection, setup: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    # A Ctrl-C or a service manager signals the whole group; when the child ends is the parent's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    configure_logging()
    handle = setup(*args, **kwargs)
    while True:
        try:
            context, request = connection.recv()
        except EOFError:
            return
        with process_about(**context):
            answer = handle(request)
        connection.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
