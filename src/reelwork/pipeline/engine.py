"""Work on several frames at once: one thread decodes, others take frames through the stages.

What takes less time than to hand a frame over, the decoding thread does itself.

Answers leave in the order the frames came, and do not depend on how many threads there are. At most ``frames_held``
frames are inside at a time, and at most ``answers_held`` frames and answers: who is ahead waits for those behind.
"""

from collections.abc import Generator, Iterable, Sequence
from heapq import heappop, heappush
from threading import Condition, Lock, Thread
from time import perf_counter

from reelwork.pipeline.reuse import RecentAnswers, Turn
from reelwork.pipeline.steps import Answers, Stage, Step, failures
from reelwork.video.frame import Frame, Moment

# To look for identical frames takes about 0.1 ms each: not worth it for answers that are had as quickly.
_WORTH_REUSING_S = 0.002
# To hand a frame to another thread takes about as long.
_WORTH_HANDING_OVER_S = 0.0001
# Whoever waits for answers is woken for so many: every time takes a core from the decoder.
_ANSWERS_AT_ONCE = 16
# But none lies longer than that.
_ANSWERS_WAIT_S = 0.05


def frames_held(workers: int) -> int:
    """Return how many frames are in the engine at once: every worker busy, as many ready, and one at either end."""
    return 2 * workers + 2


def answers_held(workers: int) -> int:
    """Return how many frames and answers are in the engine at once: while some answers are taken, others are made."""
    return frames_held(workers) + 2 * _ANSWERS_AT_ONCE


class FrameEngine:
    """Takes frames through stages with a number of threads."""

    def __init__(self, stages: Sequence[Stage], workers: int, *, reuse: bool = True) -> None:
        self._stages = tuple(stages)
        self._workers = workers
        self._reuse = reuse

    def run(self, frames: Iterable[Frame]) -> Generator[tuple[Moment, Answers], None, None]:
        """Answer for the frames of one video, in order; whatever ``frames`` raises comes behind the last answer."""
        if not self._stages:
            return ((frame.moment, {}) for frame in frames)
        return _Run(self._stages, self._workers, frames, self._reuse).answers()


class _Task:
    """A frame on its way."""

    __slots__ = ("answers", "digest", "frame", "moment", "position", "stage")

    def __init__(self, position: int, frame: Frame) -> None:
        self.position = position
        self.frame: Frame | None = frame
        self.moment = frame.moment
        self.answers: Answers = {}
        self.stage = 0
        self.digest: bytes | None = None

    def __lt__(self, other: "_Task") -> bool:
        return self.position < other.position


class _Run:
    """One video. Everything below is guarded by one lock, which is never held while a step runs."""

    def __init__(self, stages: tuple[Stage, ...], workers: int, frames: Iterable[Frame], reuse: bool) -> None:
        self._stages = stages
        self._workers = workers
        self._frames = frames
        self._sharing = _Sharing() if reuse else None
        lock = Lock()
        self._room, self._work, self._done = Condition(lock), Condition(lock), Condition(lock)
        self._ready: list[_Task] = []
        self._turns = [0] * len(stages)
        self._early: list[dict[int, _Task]] = [{} for _ in stages]
        self._takes_s = [_Mean() for _ in stages]
        self._finished: dict[int, _Task] = {}
        self._inside = 0
        self._all_decoded = False
        self._failure: BaseException | None = None
        self._closing = False

    def answers(self) -> Generator[tuple[Moment, Answers], None, None]:
        threads = [Thread(target=self._decode, name="decode", daemon=True)]
        threads += [Thread(target=self._analyze, name=f"analyze-{n}", daemon=True) for n in range(self._workers)]
        started: list[Thread] = []
        try:
            for thread in threads:
                thread.start()
                started.append(thread)
            position = 0
            while (task := self._wait_for(position)) is not None:
                yield task.moment, task.answers
                position += 1
        finally:
            self._close()
            for thread in started:
                thread.join()
            if isinstance(self._frames, Generator):
                self._frames.close()

    def _wait_for(self, position: int) -> _Task | None:
        """Return the task of that position once it is finished; None behind the last."""
        with self._done:
            while position not in self._finished:
                if self._closing or (self._all_decoded and not self._inside):
                    if self._failure is not None:
                        raise self._failure
                    return None
                self._done.wait(_ANSWERS_WAIT_S)
            self._room.notify()
            return self._finished.pop(position)

    def _close(self) -> None:
        with self._done:
            self._closing = True
            for condition in (self._room, self._work, self._done):
                condition.notify_all()

    # -- the decoding thread ----------------------------------------------------------------------------

    def _decode(self) -> None:
        failure: BaseException | None = None
        try:
            for position, frame in enumerate(self._frames):
                if not self._let_in(_Task(position, frame)):
                    break
                del frame
        except BaseException as error:
            failure = error
        with self._done:
            self._all_decoded = True
            self._failure = self._failure or failure
            self._done.notify()

    def _let_in(self, task: _Task) -> bool:
        with self._room:
            while self._is_full() and not self._closing:
                self._room.wait()
            self._inside += 1
            here = self._in_turn(task)
        while here is not None and self._takes_s[here.stage].is_below(_WORTH_HANDING_OVER_S):
            here = self._take_on(here)
        with self._work:
            self._make_ready([here])
            return not self._closing

    def _is_full(self) -> bool:
        held = self._inside + len(self._finished)
        return self._inside >= frames_held(self._workers) or held >= answers_held(self._workers)

    # -- the analysing threads --------------------------------------------------------------------------

    def _analyze(self) -> None:
        task = self._next_ready()
        while task is not None:
            task = self._take_on(task) or self._next_ready()

    def _next_ready(self) -> _Task | None:
        with self._work:
            while not self._ready and not self._closing:
                self._work.wait()
            return None if self._closing else heappop(self._ready)

    def _take_on(self, task: _Task) -> _Task | None:
        """Take the task through its stage; return it if it can go on at once. Errors here are those of the engine."""
        try:
            return self._through_stage(task)
        except BaseException as error:
            with self._done:
                self._failure = error
            self._close()
            return None

    def _through_stage(self, task: _Task) -> _Task | None:
        steps = self._stages[task.stage].steps
        assert task.frame is not None
        began = perf_counter()
        if task.stage == 0 and self._sharing is not None:
            waited_for = self._sharing.run(task, steps)
            if waited_for is None:
                return None
            if waited_for:
                with self._work:
                    self._make_ready(waited_for)
        for step in steps:
            if not (step.by_picture and step.node.name in task.answers):
                step.run(task.frame, task.moment, task.answers)
        return self._pass_on(task, perf_counter() - began)

    def _pass_on(self, task: _Task, took_s: float) -> _Task | None:
        with self._work:
            self._takes_s[task.stage].add(took_s)
            if self._stages[task.stage].ordered:
                self._turns[task.stage] += 1
                self._make_ready([self._early[task.stage].pop(self._turns[task.stage], None)])
            task.stage += 1
            if task.stage < len(self._stages):
                return self._in_turn(task)
            task.frame = None
            self._inside -= 1
            self._room.notify()
            self._finished[task.position] = task
            if self._all_decoded or len(self._finished) >= _ANSWERS_AT_ONCE:
                self._done.notify()
            return None

    def _in_turn(self, task: _Task) -> _Task | None:
        """Return the task if its stage may take it now; otherwise it waits for its turn."""
        if not self._stages[task.stage].ordered or self._turns[task.stage] == task.position:
            return task
        self._early[task.stage][task.position] = task
        return None

    def _make_ready(self, tasks: Iterable[_Task | None]) -> None:
        for task in tasks:
            if task is not None:
                heappush(self._ready, task)
                self._work.notify()


class _Mean:
    """The moving mean of how long something takes, in seconds."""

    def __init__(self) -> None:
        self._mean: float | None = None

    def add(self, took_s: float) -> None:
        self._mean = took_s if self._mean is None else 0.9 * self._mean + 0.1 * took_s

    def is_below(self, limit_s: float) -> bool:
        """Whether it is known to take less."""
        return self._mean is not None and self._mean < limit_s


class _Sharing:
    """Lets frames with identical pixels share the answers that follow from pixels alone."""

    def __init__(self) -> None:
        self._recent: RecentAnswers[_Task] = RecentAnswers()
        self._takes_s = _Mean()

    def run(self, task: _Task, steps: Sequence[Step]) -> list[_Task] | None:
        """Get those answers; return who waited for them, or None if the task itself now waits for another."""
        shared = [step for step in steps if step.by_picture]
        if not shared or self._takes_s.is_below(_WORTH_REUSING_S):
            return []
        assert task.frame is not None
        task.digest = task.digest or task.frame.digest()
        known = self._recent.ask(task.digest, task)
        if known is Turn.WAIT:
            return None
        if isinstance(known, dict):
            task.answers.update(known)
            return []
        began = perf_counter()
        for step in shared:
            step.run(task.frame, task.moment, task.answers)
        self._takes_s.add(perf_counter() - began)
        return self._recent.settle(task.digest, None if failures(task.answers) else dict(task.answers))
