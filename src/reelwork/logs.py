"""Logs as JSON, one object per line on standard error."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

context: ContextVar[Mapping[str, Any]] = ContextVar("log_context", default=MappingProxyType({}))
"""What every line is about that is logged from here, by name; see ``about``."""

# Made once: `json.dumps` would make one for each line.
_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode

_of_process: dict[str, Any] = {}


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """Have every line that is logged within the block say these too: the job it is about, the request.

    It holds in what this thread or task calls, in threads that were given its context, and in child processes
    that are sent a request meanwhile.
    """
    token = context.set({**context.get(), **facts})
    try:
        yield
    finally:
        context.reset(token)


@contextmanager
def process_about(**facts: Any) -> Iterator[None]:
    """Do the same for every thread of this process: for one that does one thing at a time."""
    before = dict(_of_process)
    _of_process.update(facts)
    try:
        yield
    finally:
        _of_process.clear()
        _of_process.update(before)


def current_context() -> dict[str, Any]:
    """Return what a line that is logged here is about."""
    return {**_of_process, **context.get()}


class JsonFormatter(logging.Formatter):
    """Writes the event, its time and level, what it is about, and whatever was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            "pid": record.process,
            **current_context(),
        }
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)


def configure_logging() -> None:
    """Send every log of this process to standard error as JSON."""
    # What a line does not say need not be found out for it.
    logging.logThreads = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # What they tell at INFO is either said better by our own events or of no use to an operator.
    for chatty in ("alembic", "httpcore", "httpx", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
