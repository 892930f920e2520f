"""Start the service's processes and kill or stop them, again and again, wherever they are."""

import os
import random
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence

from tests.support import steps
from tests.support.service import Command, Service, analysis_processes

LEASE_S = 1.0
_LOOK_EVERY_S = 0.005
_UNTIL_THE_STEP_S = 3.0


class Tally:
    """How often what was done to whom; safe to use from several threads."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self.counts: Counter[str] = Counter()

    def add(self, what: str) -> None:
        """Count one."""
        with self._counting:
            self.counts[what] += 1

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(count for what, count in self.counts.items() if what.startswith("kill"))

    @property
    def pauses(self) -> int:
        """How many processes were stopped for a while."""
        return sum(count for what, count in self.counts.items() if what.startswith("pause"))


class Ruin(threading.Thread, ABC):
    """Keeps one process running, and ruins it."""

    def __init__(self, start: Callable[..., Command], tally: Tally, seed: int) -> None:
        super().__init__()
        self._start_command = start
        self._random = random.Random(seed)
        self._tally = tally
        self._enough = threading.Event()

    def stop(self) -> None:
        """Let it end; the process is killed."""
        self._enough.set()

    def run(self) -> None:
        while not self._enough.is_set():
            self._live_and_die()

    @abstractmethod
    def _live_and_die(self) -> None:
        """Start the process, let it live for a while, and ruin it."""

    def _wait(self, command: Command, seconds: float) -> None:
        """Let some time pass, and wake the process up late whenever it has stopped itself at a step."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and command.process.poll() is None and not self._enough.is_set():
            if command.is_stopped:
                self._tally.add("pause at a step, past the lease")
                self._sleep_past_the_lease()
                command.signal(signal.SIGCONT)
                until = time.monotonic() + seconds
            time.sleep(_LOOK_EVERY_S)

    def _sleep_past_the_lease(self) -> None:
        self._enough.wait(LEASE_S * self._random.uniform(1.2, 2.2))

    def _kill(self, command: Command, whom: str) -> None:
        at_a_step = command.process.poll() is not None
        command.kill()
        if not self._enough.is_set():
            self._tally.add(f"kill the {whom}{' at a step' if at_a_step else ''}")

    def _plan(self, at: Sequence[str], actions: Sequence[str]) -> str:
        """Sometimes: what happens to the process at which step."""
        if self._random.random() < 0.5:
            return ""
        return f"{self._random.choice(at)}={self._random.choice(actions)}@{self._random.randint(1, 2)}"


class ApiRuin(Ruin):
    """Kills the API."""

    def _live_and_die(self) -> None:
        command = self._start_command(FAULT_PLAN=self._plan(steps.SUBMIT, ["kill"]))
        self._wait(command, self._random.uniform(0.5, 4.0))
        if self._random.random() < 0.1:
            command.signal(signal.SIGSTOP)
            self._tally.add("pause the API")
            self._sleep_past_the_lease()
            command.signal(signal.SIGCONT)
            self._wait(command, 0.3)
        self._kill(command, "API")


class WorkerRuin(Ruin):
    """Kills a worker and its analysis process, one or both, and stops them past the lease."""

    def _live_and_die(self) -> None:
        plan = self._plan(steps.RUN, ["kill", "kill-all", "kill-children", "stop", "stop", "stop"])
        command = self._start_command(FAULT_PLAN=plan)
        if plan:
            self._wait(command, _UNTIL_THE_STEP_S)
        for _ in range(self._random.randint(1, 4)):
            self._wait(command, self._random.uniform(0.1, 2.0))
            self._random.choice([self._kill_analysis, self._kill_analysis, self._pause_worker, self._pause_analysis])(
                command
            )
        self._wait(command, self._random.uniform(0.0, 0.5))
        if self._random.random() < 0.3:
            self._kill_analysis(command)
        self._kill(command, "worker")

    def _kill_analysis(self, command: Command) -> None:
        for pid in analysis_processes(command.process.pid):
            if self._signal(pid, signal.SIGKILL):
                self._tally.add("kill the analysis process")

    def _pause_worker(self, command: Command) -> None:
        if command.process.poll() is None:
            command.signal(signal.SIGSTOP)
            self._tally.add("pause the worker past the lease")
            self._sleep_past_the_lease()
            command.signal(signal.SIGCONT)

    def _pause_analysis(self, command: Command) -> None:
        for pid in analysis_processes(command.process.pid):
            if self._signal(pid, signal.SIGSTOP):
                self._tally.add("pause the analysis process")
                self._enough.wait(self._random.uniform(0.1, 0.5))
                self._signal(pid, signal.SIGCONT)

    def _signal(self, pid: int, number: signal.Signals) -> bool:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True


def ruins(service: Service, port: int, workers: int, tally: Tally, seed: int) -> list[Ruin]:
    """One API and some workers, not yet started."""

    def start_api(**environment: str) -> Command:
        return service.start("serve", "--port", str(port), **environment)

    def start_worker(**environment: str) -> Command:
        return service.start("worker", **environment)

    return [
        ApiRuin(start_api, tally, seed),
        *(WorkerRuin(start_worker, tally, seed + number) for number in range(1, workers + 1)),
    ]
