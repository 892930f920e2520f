"""Look into uploads in child processes, because any file may crash or hang the decoder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reelwork.child_process import ChildDied, ChildProcess
from reelwork.errors import VideoUnreadable
from reelwork.video.counting import FrameCount, count
from reelwork.video.packets import Chooser
from reelwork.video.pool import ChildPool, GivenUp
from reelwork.video.probe import probe
from reelwork.video.source import DecodeLimits, VideoFacts


@dataclass(frozen=True)
class CountRequest:
    """Asks how many frames of a video a chooser wants, which must be picklable."""

    path: Path
    chooser: Chooser


_Request = Path | CountRequest
_Answer = VideoFacts | FrameCount | str | None
_Prober = ChildProcess[_Request, _Answer]


class VideoProber:
    """A few warm child processes that open videos; safe to use from several threads."""

    def __init__(self, limits: DecodeLimits, processes: int, timeout_s: float, memory_mb: int = 4096) -> None:
        self._children = [_Prober(f"probe-{number}", _probing, limits) for number in range(processes)]
        self._pool = ChildPool(self._children, timeout_s, memory_mb)
        self.start, self.stop = self._pool.start, self._pool.stop

    def __call__(self, path: Path) -> VideoFacts:
        """Return what the container says of its video.

        Raises:
            VideoUnreadable: No frame can be decoded, or trying to crashed or hung.
        """
        try:
            answer = self._pool.ask(path)
        except GivenUp as error:
            raise VideoUnreadable(f"Opening the video {error}. Export it again, or send another one.") from error
        except ChildDied as error:
            sentence = f"The video crashes the decoder (the process {error}). Export it again with another encoder."
            raise VideoUnreadable(sentence) from error
        if isinstance(answer, str):
            raise VideoUnreadable(answer)
        assert isinstance(answer, VideoFacts)
        return answer

    def count(self, path: Path, chooser: Chooser) -> FrameCount | None:
        """Count the frames that ``chooser`` wants; None when only decoding can tell, or it takes too long.

        Raises:
            VideoUnreadable: The file cannot be opened.
        """
        try:
            answer = self._pool.ask(CountRequest(path, chooser))
        except (GivenUp, ChildDied):
            return None
        if isinstance(answer, str):
            raise VideoUnreadable(answer)
        assert answer is None or isinstance(answer, FrameCount)
        return answer


def _probing(limits: DecodeLimits) -> Callable[[_Request], _Answer]:
    import av  # noqa: F401  (loaded before the first request, not during it)

    def answer(request: _Request) -> _Answer:
        try:
            if isinstance(request, CountRequest):
                return count(request.path, limits, request.chooser)
            return probe(request, limits)
        except VideoUnreadable as error:
            return str(error)

    return answer
