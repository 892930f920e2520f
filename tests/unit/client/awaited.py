"""The async client, to be used like the sync one, so that every test runs on both."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from anyio.from_thread import BlockingPortal

from reelwork.client import AsyncJob

_AT_ONCE = 1000
_END = object()


class Awaited:
    """Awaits whatever its target returns, in the event loop of another thread."""

    def __init__(self, portal: BlockingPortal, target: Any) -> None:
        self._portal = portal
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return self._blocking(value) if callable(value) else value

    def _blocking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            answer = method(*arguments, **named)
            if hasattr(answer, "__aiter__"):
                return self._iterated(answer)
            if inspect.isawaitable(answer):
                answer = self._portal.call(_awaited, answer)
            return Awaited(self._portal, answer) if isinstance(answer, AsyncJob) else answer

        return call

    def _iterated(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        while some := self._portal.call(_next_items, items):
            yield from some


async def _awaited(answer: Any) -> Any:
    return await answer


async def _next_items(items: AsyncIterator[Any]) -> list[Any]:
    """Return some items: to change threads for each would take longer than all the rest."""
    some: list[Any] = []
    while len(some) < _AT_ONCE and (item := await anext(items, _END)) is not _END:
        some.append(item)
    return some
