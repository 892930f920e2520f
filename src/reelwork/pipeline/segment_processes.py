"""Run segments in processes of this machine."""

from collections.abc import Callable, Generator, Sequence

from reelwork.child_process import ChildDied, ChildProcess, wait_for_any
from reelwork.pipeline.segments import SegmentFailed, SegmentRequest
from reelwork.video.decoding import DecodingUnsure

SegmentProcess = ChildProcess[SegmentRequest, str | None]
"""Answers a request with None, or why it could not be done."""


def answering(run_segment: Callable[[SegmentRequest], None]) -> Callable[[SegmentRequest], str | None]:
    """Return what one of the processes does with a request, by what does the work."""

    def answer(request: SegmentRequest) -> str | None:
        try:
            run_segment(request)
        except DecodingUnsure as error:
            return str(error)
        return None

    return answer


class SegmentProcesses:
    """Keeps a few processes busy with segments, the first ones first."""

    def __init__(self, processes: int, make_process: Callable[[], SegmentProcess]) -> None:
        """Prepare processes, without starting them.

        Args:
            processes: How many segments are worked on at once.
            make_process: Makes one.
        """
        self.segments = 2 * processes
        self._processes = [make_process() for _ in range(processes)]

    def run(self, requests: Sequence[SegmentRequest]) -> Generator[SegmentRequest, None, None]:
        """Yield each request once its answers are there; see ``SegmentExecutor``."""
        running = _Running(self._processes, requests)
        try:
            for number, request in enumerate(requests):
                running.until_done(number)
                yield request
        except ChildDied as error:
            raise SegmentFailed(f"the process of a segment {error}") from error
        finally:
            for process in running.busy:
                process.kill()


class _Running:
    """Which process works on which segment."""

    def __init__(self, processes: Sequence[SegmentProcess], requests: Sequence[SegmentRequest]) -> None:
        self._requests = requests
        self._next = 0
        self._done: set[int] = set()
        self._at_work: dict[int, SegmentProcess] = {}
        for process in processes:
            self._give_work(process)

    @property
    def busy(self) -> list[SegmentProcess]:
        return list(self._at_work.values())

    def until_done(self, number: int) -> None:
        while number not in self._done:
            wait_for_any(self._at_work.values())
            for at_work, process in list(self._at_work.items()):
                if process.wait_for_answer(0):
                    del self._at_work[at_work]
                    self._finish(at_work, process)

    def _finish(self, number: int, process: SegmentProcess) -> None:
        reason = process.answer()
        if reason is not None:
            raise SegmentFailed(reason)
        self._done.add(number)
        self._give_work(process)

    def _give_work(self, process: SegmentProcess) -> None:
        if self._next < len(self._requests):
            process.send(self._requests[self._next])
            self._at_work[self._next] = process
            self._next += 1
