"""Start the service's processes and kill or stop them, again and again, wherever they are."""

import os
import random
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from tests.soak.leases import Held, Leases
from tests.soak.tally import Tally
from tests.support import steps
from tests.support.pausing import state
from tests.support.service import Command, analysis_processes, is_alive

LEASE_S = 1.0
# It begins faster than a worker, and would leave those neither their share of the kills nor of the machine.
_MOST_OF_THE_API = 0.45
_LOOK_EVERY_S = 0.01
_ASK_EVERY_S = 0.05
_UNTIL_ANOTHER_WORKER_S = 4.0
_UNTIL_SOMETHING_HAPPENS_S = 15.0
_UNTIL_THE_STEP_S = 20.0
_WITH_A_LEASE = (*steps.BEFORE_THE_ANSWER, *steps.AFTER_THE_ANSWER)

Start = Callable[..., Command]


class Ruin(threading.Thread, ABC):
    """Keeps one process running, and ruins it."""

    def __init__(self, start: Start, tally: Tally, seed: int) -> None:
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
        """Let some time pass, less if the process ends; wake it up late whenever it has stopped itself at a step."""
        until = time.monotonic() + seconds
        while self._goes_on(until):
            match state(command.process.pid):
                case "Z" | "":
                    return
                case "T":
                    self._resume(command)
                    until = time.monotonic() + seconds
            time.sleep(_LOOK_EVERY_S)

    def _goes_on(self, until: float) -> bool:
        return time.monotonic() < until and not self._enough.is_set()

    def _wait_until(self, command: Command, happened: Callable[[], bool]) -> None:
        until = time.monotonic() + _UNTIL_SOMETHING_HAPPENS_S
        while self._goes_on(until) and is_alive(command.process.pid) and not happened():
            self._wait(command, _ASK_EVERY_S)

    def _resume(self, command: Command) -> None:
        """Wake up a process that stopped itself."""
        self._sleep_past_the_lease()
        command.signal(signal.SIGCONT)

    def _sleep_past_the_lease(self) -> bool:
        """Return False when the soak is over before that."""
        return not self._enough.wait(LEASE_S * self._random.uniform(1.2, 2.2))

    def _kill(self, command: Command, whom: str, step: str) -> None:
        """Kill it, unless it has killed itself at the step."""
        exit_code = None if is_alive(command.process.pid) else command.process.wait()
        command.kill()
        if exit_code not in (None, -signal.SIGKILL):
            self._tally.ended_by_themselves.append(f"{command.log_path.name} with exit code {exit_code}")
        elif not self._enough.is_set():
            self._tally.add(f"kill the {whom} anywhere" if exit_code is None else f"kill the {whom} at {step}")


class ApiRuin(Ruin):
    """Kills the API, mostly at a step of a submit."""

    def __init__(self, start: Start, tally: Tally, has_room: Callable[[], bool], seed: int) -> None:
        super().__init__(start, tally, seed)
        self._has_room = has_room
        self._dies_of_a_submit = False

    def wants_submits(self) -> bool:
        """Tell whether a submit is wanted now: to add a job, or to be killed by it."""
        return self._has_room() or (self._dies_of_a_submit and self._tally.share_of("API") <= _MOST_OF_THE_API)

    def _live_and_die(self) -> None:
        self._dies_of_a_submit = self._random.random() < 0.85
        step = self._random.choice(steps.SUBMIT)
        # Where there is no room for jobs, it dies of the first submit and mostly leaves none.
        nth = self._random.randint(1, 3) if self._has_room() else 1
        command = self._start_command(FAULT_PLAN=f"{step}=kill@{nth}" if self._dies_of_a_submit else "")
        if self._dies_of_a_submit:
            self._wait(command, _UNTIL_THE_STEP_S)
        else:
            self._wait(command, self._random.uniform(0.2, 3.0))
            self._pause_sometimes(command)
        self._kill(command, "API", step)

    def _pause_sometimes(self, command: Command) -> None:
        if self._random.random() < 0.3:
            command.signal(signal.SIGSTOP)
            if self._sleep_past_the_lease():
                self._tally.add("pause the API")
            command.signal(signal.SIGCONT)
            self._wait(command, 0.3)


class WorkerRuin(Ruin):
    """Kills a worker and its analysis process, one or both, and stops them past the lease."""

    def __init__(self, start: Start, tally: Tally, leases: Leases, seed: int) -> None:
        super().__init__(start, tally, seed)
        self._leases = leases

    def _live_and_die(self) -> None:
        hurts = [self._kill_analysis, self._kill_analysis, self._pause_worker, self._pause_worker, self._pause_analysis]
        command = self._start_command(FAULT_PLAN=self._plan())
        for _ in range(self._random.randint(1, 3)):
            self._let_it_work(command)
            self._random.choice(hurts)(command)
        self._wait(command, self._random.uniform(0.0, 0.5))
        if self._random.random() < 0.3:
            self._kill_analysis(command)
        self._kill(command, "worker", "a step")

    def _let_it_work(self, command: Command) -> None:
        """Let it get somewhere: on a slow machine it would be hurt before it has begun, again and again."""
        done = len(command.events("job.completed"))
        chance = self._random.random()
        if chance < 0.5:
            self._wait_until(command, lambda: len(command.events("job.completed")) > done)
        elif chance < 0.8:
            self._wait_until(command, lambda: bool(self._leases.held_by(command.process.pid)))
        self._wait(command, self._random.uniform(0.0, 1.0))

    def _plan(self) -> str:
        """What it does to itself where: nothing, or one or two deeds."""
        return ",".join(self._deed() for _ in range(self._random.choice([0, 1, 1, 2])))

    def _deed(self) -> str:
        nth = self._random.randint(1, 3)
        if self._random.random() < 0.6:
            return f"{self._random.choice(_WITH_A_LEASE)}=stop@{nth}"
        return f"{self._random.choice(steps.RUN)}={self._random.choice(['kill', 'kill-all', 'kill-children'])}@{nth}"

    def _resume(self, command: Command) -> None:
        self._wake_past_the_lease(command, "at a step")

    def _pause_worker(self, command: Command) -> None:
        if self._random.random() < 0.8:  # one with nothing in hand could do nothing late
            self._wait_until(command, lambda: bool(self._leases.held_by(command.process.pid)))
        if is_alive(command.process.pid):
            command.signal(signal.SIGSTOP)
            self._wake_past_the_lease(command, "anywhere")

    def _wake_past_the_lease(self, command: Command, where: str) -> None:
        """A worker is stopped: wake it up when its lease has run out, mostly when somebody else runs its job."""
        held = self._leases.held_by(command.process.pid)
        past_it = self._sleep_past_the_lease()
        if held and self._random.random() < 0.7:
            self._wait_for_another_worker(held)
        lost, given = self._leases.are_lost(held), self._leases.are_given_to_others(held)
        command.signal(signal.SIGCONT)
        if past_it:
            self._tally.add_pause(where, held=bool(held), lost=lost, given=given)

    def _wait_for_another_worker(self, held: Held) -> None:
        until = time.monotonic() + _UNTIL_ANOTHER_WORKER_S
        while self._goes_on(until) and not self._leases.are_given_to_others(held):
            self._enough.wait(_ASK_EVERY_S)

    def _kill_analysis(self, command: Command) -> None:
        for pid in analysis_processes(command.process.pid):
            if self._signal(pid, signal.SIGKILL):
                self._tally.add("kill the analysis process")

    def _pause_analysis(self, command: Command) -> None:
        for pid in analysis_processes(command.process.pid):
            if self._signal(pid, signal.SIGSTOP):
                self._enough.wait(self._random.uniform(0.1, 0.5))
                self._tally.add("pause the analysis process")
                self._signal(pid, signal.SIGCONT)

    def _signal(self, pid: int, number: signal.Signals) -> bool:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True
