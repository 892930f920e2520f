"""What a call of the service consists of, without doing any of it.

A flow is a generator: it yields what is to be done next, is sent what came of it, and returns the outcome. The sync and
the async client run the same flows; neither decides anything itself. What goes wrong is raised inside the flow, a
Ctrl-C or a cancellation included, so that a flow can tidy up behind itself.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from reelwork.client.body import FileBody

T = TypeVar("T")

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``parting`` is the last of a flow that was interrupted: it is brief, and not interrupted."""

    method: str
    path: str
    params: Parameters = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: FileBody | None = None
    parting: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


@dataclass(frozen=True)
class Send:
    """Send a request and return its answer, whole."""

    request: Request


@dataclass(frozen=True)
class Open:
    """Send a request and return the head of its answer; the flow reads the body itself."""

    request: Request


@dataclass(frozen=True)
class Read:
    """Return the next piece of the answer that was opened last; nothing at its end."""


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Do something that may take a while, with files, and return what it returns."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Give:
    """Hand items to whoever iterates over the flow."""

    items: Sequence[Any]


Step = Send | Open | Read | Pause | Work | Give
Flow = Generator[Step, Any, T]


def send(request: Request) -> Flow[Answer]:
    """Send a request; an answer is no error yet, whatever its status."""
    return cast("Answer", (yield Send(request)))


def opened(request: Request) -> Flow[Answer]:
    """Send a request and get the head of the answer."""
    return cast("Answer", (yield Open(request)))


def work(function: Callable[[], T]) -> Flow[T]:
    """Do something with files."""
    return cast("T", (yield Work(function)))


Resumption = Callable[[Flow[Any]], Step]
"""Lets a flow go on with what came of its last step, and returns the next."""


def with_outcome(outcome: Any) -> Resumption:
    """Go on with what was asked for."""
    return lambda flow: flow.send(outcome)


def with_error(error: BaseException) -> Resumption:
    """Go on with what went wrong."""
    return lambda flow: flow.throw(error)
