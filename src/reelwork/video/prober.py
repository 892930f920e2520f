"""Probe uploads in child processes, because any file may crash or hang the decoder."""

import queue
from collections.abc import Callable
from pathlib import Path

from reelwork.child_process import ChildDied, ChildProcess
from reelwork.errors import VideoUnreadable
from reelwork.video.probe import probe
from reelwork.video.source import DecodeLimits, VideoFacts

_Prober = ChildProcess[Path, VideoFacts | str]


class VideoProber:
    """A few warm child processes that open videos; safe to use from several threads."""

    def __init__(self, limits: DecodeLimits, processes: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._children = [_Prober(f"probe-{number}", _probing, limits) for number in range(processes)]
        self._idle: queue.LifoQueue[_Prober] = queue.LifoQueue()
        for child in self._children:
            self._idle.put(child)

    def start(self) -> None:
        """Start the processes, so that the first upload does not wait for them."""
        for child in self._children:
            child.start()

    def stop(self) -> None:
        """End the processes."""
        for child in self._children:
            child.kill()

    def __call__(self, path: Path) -> VideoFacts:
        """Return what the container says of its video.

        Raises:
            VideoUnreadable: No frame can be decoded, or trying to crashed or hung.
        """
        child = self._idle.get()
        try:
            answer = self._ask(child, path)
        finally:
            self._idle.put(child)
        if isinstance(answer, str):
            raise VideoUnreadable(answer)
        return answer

    def _ask(self, child: _Prober, path: Path) -> VideoFacts | str:
        child.send(path)
        if not child.wait_for_answer(self._timeout_s):
            child.kill()
            return f"Opening the video took longer than {self._timeout_s:g} s. Export it again, or send another one."
        try:
            return child.answer()
        except ChildDied as error:
            return f"The video crashes the decoder (the process {error}). Export it again with another encoder."


def _probing(limits: DecodeLimits) -> Callable[[Path], VideoFacts | str]:
    import av  # noqa: F401  (loaded before the first request, not during it)

    def answer(path: Path) -> VideoFacts | str:
        try:
            return probe(path, limits)
        except VideoUnreadable as error:
            return str(error)

    return answer
