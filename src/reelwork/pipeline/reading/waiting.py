"""Cues that are over, until it is their turn: they are written in the order in which they begin."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import BinaryIO, Self

import msgspec

MOST_IN_MEMORY = 8192

Turn = tuple[float, int, int]
"""When a cue begins; then the place of its node among the nodes; then its number there."""


@dataclass(frozen=True)
class Cue:
    """One caption: what is shown, from when to when, and by which node."""

    start_s: float
    end_s: float
    node: str
    text: str


_Entry = tuple[Turn, Cue]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Entry).decode


class WaitingCues:
    """A priority queue in flat memory. A context manager.

    One sign that stands through the whole video keeps every later cue waiting; those beyond ``most_in_memory``
    wait in temporary files, each of them in order.
    """

    def __init__(self, most_in_memory: int = MOST_IN_MEMORY) -> None:
        self._most_in_memory = most_in_memory
        self._in_memory: list[_Entry] = []
        self._on_disk: list[tuple[Turn, int, Cue]] = []
        self._runs: list[BinaryIO] = []
        self._files = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    def add(self, turn: Turn, cue: Cue) -> None:
        """Take a cue; no two have the same turn."""
        heappush(self._in_memory, (turn, cue))
        if len(self._in_memory) > self._most_in_memory:
            self._write_run()

    def before(self, turn: Turn | None) -> Iterator[Cue]:
        """Yield the cues whose turn comes before another; all of them if there is no other."""
        while (first := min(self._firsts(), default=None)) is not None and (turn is None or first < turn):
            yield self._take(first)

    def _firsts(self) -> Iterator[Turn]:
        if self._in_memory:
            yield self._in_memory[0][0]
        if self._on_disk:
            yield self._on_disk[0][0]

    def _take(self, turn: Turn) -> Cue:
        if self._in_memory and self._in_memory[0][0] == turn:
            return heappop(self._in_memory)[1]
        _, run, cue = heappop(self._on_disk)
        self._read_next(run)
        return cue

    def _write_run(self) -> None:
        # It lives as long as this queue, which closes it.
        file = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        for entry in sorted(self._in_memory, key=_turn):
            file.write(_encode(entry) + b"\n")
        file.seek(0)
        self._in_memory.clear()
        self._runs.append(file)
        self._read_next(len(self._runs) - 1)

    def _read_next(self, run: int) -> None:
        if line := self._runs[run].readline():
            turn, cue = _decode(line)
            heappush(self._on_disk, (turn, run, cue))


def _turn(entry: _Entry) -> Turn:
    return entry[0]
