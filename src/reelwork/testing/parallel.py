"""Frames handed out to several threads at once, so that what they share by mistake shows."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

from reelwork.testing.videos import Video, WatchedFrame

_THREADS = 3
_ROUNDS = 2
_SHORT_S = 1e-6

Answer = TypeVar("Answer")


def all_at_once(ask: Callable[[WatchedFrame], Answer], video: Video) -> list[list[Answer]]:
    """Ask for every frame of a video in each of several threads, twice, each beginning elsewhere.

    Returns:
        For every round of every thread, the answers in the order of the frames.
    """
    together = Barrier(_THREADS)

    def work(number: int) -> list[list[Answer]]:
        together.wait()
        return [_round(ask, video, number + round_) for round_ in range(_ROUNDS)]

    with _many_switches(), ThreadPoolExecutor(_THREADS) as threads:
        return [answers for rounds in threads.map(work, range(_THREADS)) for answers in rounds]


def _round(ask: Callable[[WatchedFrame], Answer], video: Video, turn: int) -> list[Answer]:
    frames = list(enumerate(video.frames()))
    turn %= len(frames)
    answers = {place: ask(frame) for place, frame in [*frames[turn:], *frames[:turn]]}
    return [answers[place] for place in range(len(frames))]


@contextmanager
def _many_switches() -> Iterator[None]:
    """Let threads take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
