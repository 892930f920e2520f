"""What is logged, as it would be written."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reelwork.logs import JsonFormatter


@contextmanager
def lines_of(name: str) -> Iterator[list[dict[str, Any]]]:
    """Keep the lines that a logger writes within the block."""
    lines: list[dict[str, Any]] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record)))

    keeper = Keeper()
    keeper.setFormatter(JsonFormatter())
    log = logging.getLogger(name)
    level = log.level
    log.addHandler(keeper)
    log.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        log.removeHandler(keeper)
        log.setLevel(level)
